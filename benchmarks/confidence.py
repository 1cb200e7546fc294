"""How well the similarity of the first passage tells questions that the code answers from those that it does not.

    python benchmarks/confidence.py QUESTIONS.jsonl…

A line is {"corpus": a project's slug, "question": …, "style": "absent" when the code does not answer it}; the projects
must be processed. Prints what each threshold would refuse; the one in use is retrieval.CONFIDENT.
"""

import json
import os
import sys
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from portfolio.models import Project  # noqa: E402
from rag import retrieval  # noqa: E402

THRESHOLDS = [0.2, 0.22, 0.25, 0.28, 0.3, 0.33, 0.35, 0.4]


def similarity(asked: dict[str, object]) -> float:
    revision = Project.objects.get(slug=asked["corpus"]).rag.live_revision
    if revision is None:
        sys.exit(f"{asked['corpus']} is not processed yet.")
    passages = retrieval.search(revision, str(asked["question"])).passages
    return passages[0].similarity if passages else -1.0


def main(files: list[str]) -> None:
    asked = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    absent = [similarity(each) for each in asked if each["style"] == "absent"]
    answered = [similarity(each) for each in asked if each["style"] != "absent"]
    print("threshold  refused of absent  refused of answered")
    for threshold in THRESHOLDS:
        right, wrong = (sum(value < threshold for value in values) for values in (absent, answered))
        print(f"{threshold:9.2f}  {right:8} of {len(absent):3}      {wrong:8} of {len(answered):3}")


if __name__ == "__main__":
    main(sys.argv[1:])
