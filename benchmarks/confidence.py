"""How well the similarity of the first passage tells questions that the code answers from those that it does not.

    python -m benchmarks.confidence

For the packages that questions/ asks about, each processed as a project of its name. Prints what each threshold would
refuse; the one in use is retrieval.CONFIDENT. benchmarks/retrieval gives the area under the curve.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django

django.setup()

from benchmarks import corpora  # noqa: E402
from portfolio.models import Project  # noqa: E402
from rag.evaluation import trials  # noqa: E402

THRESHOLDS = [0.2, 0.22, 0.25, 0.28, 0.3, 0.33, 0.35, 0.4]


def asked(name: str) -> list[trials.Trial]:
    project = Project.objects.select_related("rag__live_revision").filter(slug=name).first()
    if project is None or project.rag.live_revision is None:
        sys.exit(f"{name} is not processed yet.")
    return list(trials.run(project.rag.live_revision, corpora.questions(name)))


def main() -> None:
    every = [trial for name in corpora.names() for trial in asked(name)]
    absent = [trial.confidence for trial in every if trial.score is None]
    answered = [trial.confidence for trial in every if trial.score]
    print("threshold  refused of absent  refused of answered")
    for threshold in THRESHOLDS:
        right, wrong = (sum(value < threshold for value in values) for values in (absent, answered))
        print(f"{threshold:9.2f}  {right:8} of {len(absent):3}      {wrong:8} of {len(answered):3}")


if __name__ == "__main__":
    main()
