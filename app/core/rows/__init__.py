"""The rows of CSV files that Carillon wrote: read, compared, looked through for duplicates, in bounded memory.

Rows stay bytes as long as nobody has to see them: two files of one dialect spell the same row in the same bytes.
"""
