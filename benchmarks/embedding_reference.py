"""sentence-transformers at the other end of a pipe, for embedding.py: runs where torch is installed and Docent is not.

    python embedding_reference.py MODEL_FOLDER THREADS float32|bfloat16|int8

`bfloat16` and `int8` are its faster settings that need no further package: the model loaded in 16 bits, and torch's own
quantization of every linear layer. Reads a JSON list of texts a line, writes one JSON object a line: `seconds`, and
`vectors` in base64 (float32).
"""

import base64
import json
import os
import resource
import sys
import time
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from sentence_transformers import SentenceTransformer


def load(folder: str, numbers: str) -> SentenceTransformer:
    model = SentenceTransformer(folder, device="cpu")
    if numbers == "bfloat16":
        return model.bfloat16()
    if numbers == "int8":
        warnings.simplefilter("ignore")  # torch would rather see another package used
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    return model


def main(folder: str, threads: str, numbers: str) -> None:
    torch.set_num_threads(int(threads))
    model = load(folder, numbers)
    for line in sys.stdin:
        texts = json.loads(line)
        start = time.perf_counter()
        vectors = model.encode(texts, show_progress_bar=False, convert_to_numpy=False, convert_to_tensor=True)
        vectors = torch.nn.functional.normalize(vectors.float(), dim=1).numpy()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        packed = base64.b64encode(vectors.astype("<f4").tobytes()).decode()
        print(json.dumps({"seconds": seconds, "vectors": packed, "peak": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
