"""How long the local model takes to its first vector, and what memory the web application holds with it.

    python -m benchmarks.embedding_start

Run it several times: each run is one start. The first may write the graph.
"""

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

QUESTION = "how are two workers kept from taking the same job?"


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"


def main() -> None:
    times = [time.perf_counter()]
    import config.wsgi  # noqa: F401 — the web application

    times.append(time.perf_counter())
    busy = time.process_time()
    from rag import embeddings

    model = embeddings.for_model(embeddings.LOCAL_MODEL)
    times.append(time.perf_counter())
    model.embed_query(QUESTION)
    times.append(time.perf_counter())
    busy = time.process_time() - busy
    django, loading, question = (after - before for before, after in pairwise(times))
    print(f"application {django:.2f} s, model {loading:.2f} s, first question {question:.3f} s, peak {peak()}")
    print(f"processor time of model and question: {busy:.2f} s")
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(model.embed_query, [f"{QUESTION} " * 60] * 256))
    print(f"after 256 long questions from 64 threads at once: {peak()}")


if __name__ == "__main__":
    main()
