#!/usr/bin/env bash
# What Render runs for each deployment, before the start command.
set -o errexit -o nounset -o pipefail
cd "$(dirname "$0")"

echo "Installing packages"
pip install --require-hashes -r requirements.txt

# Exact token counts. Without the ranks tokens are estimated, so that a failure here does not stop the build.
export TIKTOKEN_CACHE_DIR="${TIKTOKEN_CACHE_DIR:-$PWD/var/tiktoken}"
mkdir -p "$TIKTOKEN_CACHE_DIR"
timeout 60 python -c 'import tiktoken; tiktoken.get_encoding("cl100k_base")' ||
    echo "The ranks of tiktoken could not be fetched; tokens will be estimated."

echo "Collecting static files"
python manage.py collectstatic --no-input

echo "Migrating the database"
python manage.py migrate

# Optional: process what is pending (be careful with the build's time limit)
# python manage.py process_rag_async --batch-size=10 --delay=3.0

echo "Build completed"
