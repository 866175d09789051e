// The one small script. Every page works without it: it keeps pages fresh, remembers the theme and minds the log.
(() => {
  "use strict";
  const root = document.documentElement;
  const TICK = 2000;

  // Theme: "auto" follows the system. Set before the first paint, so that nothing flashes.
  const theme = () => { try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; } };
  const applyTheme = (name) => {
    if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name;
    document.querySelectorAll("[data-theme-choice]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === name)));
  };
  root.classList.add("js");
  applyTheme(theme());

  // Relative times, in the same words as app/web/pages/times.py.
  const STEPS = [[31536000, "years", "year"], [86400, "days", "day"], [3600, "h", "h"], [60, "min", "min"], [1, "s", "s"]];
  const rough = (seconds) => {
    for (const [size, many, one] of STEPS) {
      const number = Math.floor(seconds / size);
      if (number) return `${number} ${number === 1 ? one : many}`;
    }
    return "0 s";
  };
  const twoUnits = (seconds) => {
    const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
    const first = parts.findIndex(([number]) => number);
    return first < 0 ? "0 s" : parts.slice(first, first + 2).filter(([number]) => number).map((part) => part.join(" ")).join(" ");
  };
  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  // The server's clock counts: a browser's may be minutes off.
  let skew = 0;
  const freshen = () => {
    const now = Date.now() + skew;
    document.querySelectorAll("time[data-ago]").forEach((element) => {
      const seconds = (Date.parse(element.dateTime) - now) / 1000;
      const words = rough(Math.abs(seconds));
      setText(element, Math.abs(seconds) < 1 ? "now" : seconds > 0 ? `in ${words}` : `${words} ago`);
    });
    document.querySelectorAll("time[data-since]").forEach((element) =>
      setText(element, twoUnits(Math.max(0, Math.floor((now - Date.parse(element.dateTime)) / 1000)))));
  };

  // The log follows its end until somebody scrolls up.
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const follow = (log) => { log.scrollTop = log.scrollHeight; };
  const watchLog = () => {
    const log = document.querySelector("[data-follow]");
    const jump = document.getElementById("log-end");
    if (!log) return;
    let following = true;
    follow(log);
    log.addEventListener("scroll", () => { following = atEnd(log); if (jump) jump.hidden = following; });
    if (jump) jump.addEventListener("click", () => { follow(log); log.focus(); });
    const trim = () => { const lines = log.querySelector("ol"); while (lines.children.length > 5000) lines.firstElementChild.remove(); };
    new MutationObserver(() => { if (following) { trim(); follow(log); } }).observe(log, { childList: true, subtree: true });
  };

  // "No contact" while the server does not answer; what is shown then may be old.
  const contact = (lost) => {
    const banner = document.getElementById("contact");
    if (!banner || banner.hidden !== lost) return;
    banner.hidden = !lost;
    const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: root.dataset.zone });
    banner.querySelector("p").textContent = lost ? `No contact with the server since ${at}. What you see may be old.` : "";
  };
  const toast = (text) => {
    const line = document.createElement("p");
    line.className = "notice notice-error";
    line.textContent = text;
    document.getElementById("toasts").replaceChildren(line);
  };

  // A switch that makes other fields useless while it is on.
  const disableOthers = (box) => { document.getElementById(box.dataset.disables).disabled = box.checked; };

  document.addEventListener("DOMContentLoaded", () => {
    applyTheme(theme());
    const served = document.querySelector("meta[name=served-at]");
    if (served) skew = Date.parse(served.content) - performance.timeOrigin - performance.getEntriesByType("navigation")[0]?.responseStart;
    if (!Number.isFinite(skew) || Math.abs(skew) < 2000) skew = 0;
    watchLog();
    document.querySelectorAll("[data-disables]").forEach(disableOthers);
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      freshen();
      document.body.dispatchEvent(new CustomEvent("tick"));
    }, TICK);
    // What somebody has unfolded stays so when the part around it comes anew.
    const unfolded = new Set();
    document.addEventListener("toggle", ({ target }) => {
      if (target.id) unfolded[target.open ? "add" : "delete"](target.id);
    }, true);
    document.body.addEventListener("htmx:afterSwap", () => unfolded.forEach((id) => {
      const fold = document.getElementById(id);
      if (fold) fold.open = true;
    }));
    const isPoll = (event) => event.detail.requestConfig?.triggeringEvent?.type === "tick";
    document.body.addEventListener("htmx:sendError", () => contact(true));
    document.body.addEventListener("htmx:timeout", () => contact(true));
    document.body.addEventListener("htmx:afterOnLoad", () => contact(false));
    document.body.addEventListener("htmx:responseError", (event) => {
      if (event.detail.xhr.status >= 502) contact(true);
      else if (!isPoll(event)) toast(event.detail.xhr.responseText.slice(0, 300));
    });
  });
  document.addEventListener("change", (event) => { if (event.target.dataset.disables) disableOthers(event.target); });
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]");
    const menu = document.querySelector("details.menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
    if (!choice) return;
    try { localStorage.setItem("theme", choice.dataset.themeChoice); } catch { /* private mode: for this page only */ }
    applyTheme(choice.dataset.themeChoice);
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.menu[open]");
    if (event.key === "Escape" && menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
})();
