"""Groq's SDK."""

import groq
import httpx

from rag.providers import clients

KIT = clients.Kit(sdk=groq, http=httpx)
