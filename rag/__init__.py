"""From a git repository to a cited answer.

    read and cut      sources → files → chunks;  lexical and tokens count their words, wording compares questions
    embed             embeddings;  throttle says how long to wait, interruption when to stop
    store             models;  plan says what a revision holds, packing → index write it;
                      postings → search_index → search_tables is what is searched, revisions make it live
    pay               prices;  budgets → calls hold and settle what one costs, alarm warns, costs and savings sum up
    run the stages    vectors → ingest → worker;  estimate says what it would cost, reporting how it goes
    find and answer   planes → candidates → ranking → passages, confidence, and substitute when nothing may be paid:
                      together retrieval → prompts → routing → llm → citations → drafts → answers;  remembered gives
                      one again, unanswered says what was asked in vain, evaluation measures it
    doors             limits, ahead, streaming, views, api, admin, checks, management commands

Each stage is a module named by what it makes, and imports run down this list only; tests/test_architecture.py holds it.
"""
