"""OpenAI's SDK, which also speaks Azure's dialect and that of every server that is like OpenAI's."""

import httpx2
import openai

from rag.providers import clients

KIT = clients.Kit(sdk=openai, http=httpx2)
