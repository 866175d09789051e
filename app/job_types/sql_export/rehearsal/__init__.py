"""A query that is tried before anybody schedules it: what it gives, and with which values its next runs would ask.

It runs as a run of the job would - one reading statement, in a read-only transaction, never on a database of
Carillon's own - but for a few seconds only, for its first rows, and in a process of its own that can be killed:
whatever a driver or a database does, the server stays as it is.

    rehearsals      what the edges ask
    coming          the values of the next starts
    stage, child    the process, and its two sides
    look            the rehearsal itself, on a database that is open
    found           what comes of it
"""
