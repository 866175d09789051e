"""The life of jobs, fires and runs. Knows SQLAlchemy; knows no Flask, no APScheduler, no Celery."""
