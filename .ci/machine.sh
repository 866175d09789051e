# shellcheck shell=bash
# What the tests need that Python packages do not bring: each Debian package, and how to see that it is there.

has() { compgen -G "$1" >/dev/null || command -v "$1" >/dev/null; }

missing_packages() {
    has make || echo make
    has gcc || printf '%s\n' gcc libc6-dev # for the shim that puts the clock of a server under test
    has chromium || echo chromium
    has fc-list && [[ -n $(fc-list) ]] || echo fonts-dejavu-core # Chromium brings no letters of its own
    has '/usr/lib/*/libatomic.so.1' || echo libatomic1 # Playwright's driver wants it
    has '/usr/lib/postgresql/*/bin/initdb' || echo postgresql
    has psql || echo postgresql-client
    has /usr/sbin/mariadbd || echo mariadb-server
    has sqlite3 || echo sqlite3
    has systemd-analyze || echo systemd # judges the unit
    python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
}

install_missing() {
    local packages
    mapfile -t packages < <(missing_packages)
    if ((${#packages[@]} == 0)); then
        echo 'all there'
    elif [[ $(id -u) -ne 0 ]] || ! has apt-get; then
        echo "missing, to be installed by root: ${packages[*]} (names of Debian's packages)"
        return 1
    else
        install_packages "${packages[@]}"
    fi
}

install_packages() {
    local apt=(apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    export DEBIAN_FRONTEND=noninteractive
    echo "installing $*"
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends "$@"
}

print_versions() {
    local program
    python3 --version
    for program in make chromium psql mariadbd sqlite3; do
        PATH=$PATH:/usr/sbin "$program" --version 2>/dev/null | head -n 1
    done
}
