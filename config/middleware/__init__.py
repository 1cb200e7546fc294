"""What stands around every request: the first to see it, the last to see its answer.

charset      outside of Django: an encoding that it cannot read ends here
request_ids  each request has an id, for its log lines and its answer
head         an answer to HEAD has no body
csp          what a page may load and run
nul          an address with a NUL is refused
"""
