"""Asks each model in use for a word, so that a wrong key or name is found before a visitor finds it."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rag import probes


class Command(BaseCommand):
    help = "One tiny call to each model in use: reachable, key accepted, model there, dimensions, price and latency."
    requires_system_checks = ()  # what they would stop at is told here with the rest

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for probe in probes.all_in_use():
            found.append(probe)
            if not options["json"]:
                self.stdout.write(line(probe))
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(probe) for probe in found], indent=2, default=str))
        failed = sum(1 for probe in found if probe.problem)
        if failed:
            raise CommandError(f"{failed} of {len(found)} models cannot be used.", returncode=1)


def line(probe: probes.Probe) -> str:
    """One model for a reader."""
    who = f"{probe.provider} {probe.model.removeprefix(f'{probe.provider}:')}".strip()
    if probe.problem:
        return f"{probe.purpose}: {who}: {probe.problem}"
    facts = [f"{probe.dimensions} dimensions"] if probe.dimensions else []
    return f"{probe.purpose}: {who}: well, {', '.join([*facts, price(probe), f'{probe.seconds:.2f} s'])}"


def price(probe: probes.Probe) -> str:
    if probe.price_in is None:
        return "price not known"
    if not probe.price_in:
        return "free"
    out = "" if probe.price_out is None else f" in, ${probe.price_out} out"
    return f"${probe.price_in}{out} a million tokens"
