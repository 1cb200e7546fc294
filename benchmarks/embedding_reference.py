"""sentence-transformers at the other end of a pipe, for embedding.py: runs where torch is installed and Docent is not.

    python embedding_reference.py MODEL_FOLDER THREADS

Reads a JSON list of texts a line, writes one JSON object a line: `seconds`, and `vectors` in base64 (float32).
"""

import base64
import json
import os
import resource
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from sentence_transformers import SentenceTransformer


def main(folder: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    model = SentenceTransformer(folder, device="cpu")
    for line in sys.stdin:
        texts = json.loads(line)
        start = time.perf_counter()
        vectors = model.encode(texts, show_progress_bar=False)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        packed = base64.b64encode(vectors.astype("<f4").tobytes()).decode()
        print(json.dumps({"seconds": seconds, "vectors": packed, "peak": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
