"""From a git repository to a cited answer.

    read and cut      sources → files → chunks;  lexical and tokens count their words
    embed             embeddings, by one of the providers;  throttle says how long to wait, interruption when to stop
    store             models;  packing → search_index is what is searched, revisions make it live;
                      spending holds, settles and sums up what every call costs
    run the stages    ingest one project, worker those that are due;  failures and reporting say how it goes
    take along        backups hold projects and their indexes for another database
    find and answer   retrieval → prompts → routing → llm → citations → answers;  evaluation measures it
    see at a glance   overview says what is stuck, failing, under way and spent
    doors             limits, admission, streaming, views, api, admin, checks, management commands

Each stage is a module or a package named by what it makes, and imports run down this list only;
tests/test_architecture.py holds it. A package's own docstring says what its modules do.
"""
