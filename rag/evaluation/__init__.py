"""How well retrieval finds what a question is about: measures, and questions that a repository itself provides.

questions     what is asked, and the lines that answer it
measures      pure: ranks, recall, token budgets, intervals
trials        a revision is asked, and the answers are scored
descriptions  a function's description, asked after it was taken out of the text
commits       a commit's subject, asked of the state before it
scratch       an index that nobody else sees, gone when the measuring ends
selfmade      both sets, on a project's own repository
table         what an owner reads
"""
