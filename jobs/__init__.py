"""Work done later and on time: the queue's worker, the timetable and its scheduler.

Above the domains, below nothing: a job is a thin module that calls a domain's verb.
"""
