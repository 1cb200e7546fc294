"""From a git repository to a cited answer.

    write:  sources → files → chunks → throttle, embeddings → ingest
    store:  models
    read:   retrieval → prompts → llm → citations → answers;  evaluation measures it
    doors:  streaming, views, urls, api, admin, apps, management commands

Each stage is a module named by what it makes; imports run down this list only.
"""
