"""One module or package per job type, found through the entry point group ``carillon.job_types``."""
