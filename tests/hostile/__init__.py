"""Everything that a repository or a visitor can hand in, through the whole line, and what has to become of it.

    cases          one odd thing in a repository that also has good files, and how it has to end
    contents       bytes, sizes and kinds of files
    repositories   paths, links, trees, histories and hosts
    caps           each limit: just within it and just beyond
    questions      what can be asked at the page and at the API
    line           a case on disk, processed into PostgreSQL, and looked at as the admin does
    bombs          kilobytes that would unpack to gigabytes: seconds and memory of the command

pytest tries each by itself. `python -m tests.hostile` prints what came of all of them, with the limits as they are
shipped; `python -m tests.hostile.fuzz` puts thousands of made-up requests to each operation of the API.
"""
