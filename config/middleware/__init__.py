"""What stands around every request: the first to see it, the last to see its answer.

charset      outside of Django: an encoding that it cannot read ends here
connection   the database's is given back before the answer is written
request_ids  each request has an id, for its log lines and its answer
head         an answer to HEAD has no body
csp          what a page may load and run
size         what is larger than anything that is sent here is refused unread
nul          an address with a NUL is refused, and a cookie with one is none
"""
