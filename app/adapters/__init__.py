"""One file per outside technology; each implements a port of ``app.core.ports``."""
