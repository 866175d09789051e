"""The job types of DHIS2: declared here, done by packages that are installed beside Carillon."""

from app.job_types.dhis2.declared import JOB_TYPES

__all__ = ["JOB_TYPES"]
