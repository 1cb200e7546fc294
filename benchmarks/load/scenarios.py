"""What is tried, and what was promised of it."""

import asyncio
import random
import socket
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.load import figures
from benchmarks.load import site as sites
from benchmarks.load.figures import Figure, Sheet
from benchmarks.load.site import Site
from benchmarks.load.visitors import CHAT, Pages, Stream, Visitor, visit

CAP = 20  # RAG_MAX_STREAMS
RATE = 30.0  # pages a second
ASK = f"POST {CHAT} HTTP/1.1\r\nHost: {sites.HOST}\r\n"
HALVES = {
    "half of a request": f"GET / HTTP/1.1\r\nHost: {sites.HOST}\r\nX-Half: ",
    "nothing": "",
    "half of a question": f"{ASK}Content-Length: 500\r\n\r\nquestion=W",
    "a question whether to send": f"{ASK}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "a chunk of something": f"{ASK}Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
}
CHUNKS = "SELECT chunk_count FROM rag_revision v JOIN portfolio_projectrag r ON r.live_revision_id = v.id"


async def streams(site: Site, minutes: float) -> list[Figure]:
    """CAP visitors who ask one question after the other, and others who read pages."""
    until, sheet, most = _end(minutes), Sheet(scenario=f"{CAP} streams at once"), 0
    ended: list[Stream] = []
    asking = [asyncio.create_task(_asking(site, until, ended)) for _ in range(CAP)]
    reading = asyncio.create_task(visit(site.port, 5, until))
    while not reading.done():
        most = max(most, await asyncio.to_thread(site.connections))
        await asyncio.sleep(0.5)
    await asyncio.gather(*asking)
    words = [stream.first_word - sites.WORD for stream in ended]
    _told_streams(sheet, ended)
    sheet.time("first word over the model's, p50", figures.below(0.5, words))
    sheet.time("first word over the model's, the last of them", max(words), 1.0)
    _told_pages(sheet, reading.result(), 0.2)
    sheet.most("database connections", most, 10)
    return sheet.figures


async def admission(site: Site, minutes: float) -> list[Figure]:
    """200 at once for CAP places, again and again."""
    until, rounds = _end(minutes), [await _crowd(site)]
    while asyncio.get_running_loop().time() < until:
        rounds.append(await _crowd(site))
    sheet = Sheet(scenario=f"200 questions at once, {len(rounds)} times")
    sheet.exactly("streamed to the end", sum(crowd.streamed for crowd in rounds), CAP * len(rounds))
    sheet.exactly("got 503 with Retry-After", sum(crowd.polite for crowd in rounds), (200 - CAP) * len(rounds))
    refused = [seconds for crowd in rounds for seconds in crowd.refused]
    sheet.time("503, p50", figures.below(0.5, refused))
    sheet.time("503, p95", figures.below(0.95, refused), 0.2)
    sheet.time("until the next one was admitted, at most", max(crowd.free for crowd in rounds), 5.0)
    kind = sum(crowd.is_kind for crowd in rounds)
    sheet.exactly("without scripts: a page with 503 that says so", kind, len(rounds))
    return sheet.figures


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What became of 200. `refused`: seconds of each 503; `free`: seconds from the last answer to the next place."""

    streamed: int
    polite: int
    refused: list[float]
    free: float
    is_kind: bool


async def _crowd(site: Site) -> Crowd:
    visitors = [Visitor(site.port) for _ in range(200)]
    paths = [await visitor.asked() for visitor in visitors]
    asked = [asyncio.create_task(visitor.get(path)) for visitor, path in zip(visitors, paths, strict=True)]
    await asyncio.sleep(4)
    plain = await visitors[0].post(CHAT, "question=Is+there+room+now")
    answers = await asyncio.gather(*asked)
    refused = [answer for answer in answers if answer.status == 503]
    return Crowd(
        streamed=sum(answer.status == 200 and b"event: done" in answer.body[-200:] for answer in answers),
        polite=sum(answer.header("Retry-After").isdigit() for answer in refused),
        refused=[answer.seconds for answer in refused],
        free=await _first_admitted(visitors[-1], time.perf_counter()),
        is_kind=plain.status == 503 and plain.header("Retry-After").isdigit() and b"places are taken" in plain.body,
    )


async def _first_admitted(visitor: Visitor, since: float) -> float:
    """Seconds until a question was admitted."""
    while True:
        path, asked = await visitor.asked("How is a job claimed, and by whom?"), time.perf_counter()
        stream = await visitor.stream(path)
        if stream.status == 200:
            return asked + stream.first_word - since
        await asyncio.sleep(0.1)


async def pages(site: Site, minutes: float) -> list[Figure]:
    """Pages alone, then while a large repository is read on the very core that serves them, and on the other one."""
    sheet = Sheet(scenario=f"pages, {RATE:.0f} a second")
    alone = await visit(site.port, RATE, _end(minutes))
    _told_pages(sheet, alone, 0.3)
    found = sheet.figures
    repository = await asyncio.to_thread(sites.repository, site.folder / "large", 2_000)
    for where, core in (("same", sites.SERVER_CORE), ("other", sites.CLIENT_CORE)):
        sheet = Sheet(scenario=f"… while 2,000 files are processed on the {where} core")
        busy, runs = await _beside_processing(site, minutes, str(repository), core)
        _told_pages(sheet, busy, 0.3 if core == sites.SERVER_CORE else None)
        ratio = busy.p(0.95) / alone.p(0.95)
        sheet.add("p95 against alone", f"{ratio:.1f} ×", promised="≤ 2 ×", is_kept=ratio <= 2)
        sheet.add("repositories processed meanwhile", f"{runs:.1f}")
        found += sheet.figures
    return found


async def _beside_processing(site: Site, minutes: float, repository: str, core: int) -> tuple[Pages, float]:
    """One new project after the other, and how many were through. Nothing waits: no provider, no delay."""
    until, runs = _end(minutes), 0.0
    reading = asyncio.create_task(visit(site.port, RATE, until))
    while not reading.done():
        project = await asyncio.to_thread(site.added, repository, f"large {core} {runs:.0f}")
        process = site.manage("process_rag_async", "--project-id", str(project), core=core)
        while process.poll() is None and not reading.done():
            await asyncio.sleep(0.2)
        reached = f"SELECT progress_percentage FROM portfolio_projectrag WHERE project_id = {project}"
        runs += await asyncio.to_thread(site.sql, reached) / 100
        await asyncio.to_thread(_end_command, process)
    return await reading, runs


def _end_command(process: "subprocess.Popen[str]") -> None:
    is_stopped = process.poll() is None
    if is_stopped:
        process.terminate()
    output, _ = process.communicate()
    if process.returncode and not is_stopped:
        raise RuntimeError(output)


async def half_open(site: Site, minutes: float) -> list[Figure]:
    """300 connections that never send more than half of a request, each made again when it is closed."""
    found = []
    for what, sent in HALVES.items():
        sheet, until = Sheet(scenario=f"300 connections that have sent {what}"), _end(minutes / len(HALVES))
        holding = [asyncio.create_task(_hold(site.port, sent.encode(), until)) for _ in range(300)]
        await asyncio.sleep(0.5)
        _told_pages(sheet, await visit(site.port, RATE, until), 0.5)
        await asyncio.gather(*holding)
        found += sheet.figures
    return found


async def _hold(port: int, sent: bytes, until: float) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        try:
            writer.write(sent)
            await asyncio.wait_for(reader.read(), max(0.1, until - loop.time()))
        except (OSError, TimeoutError):
            continue
        finally:
            writer.close()


async def slow_readers(site: Site, minutes: float) -> list[Figure]:
    """Ten places for readers who take 100 bytes every tenth of a second, eight for some who never read."""
    sheet, until = Sheet(scenario="10 slow readers, 8 that never read"), _end(minutes)
    ended: list[Stream] = []
    slow = [asyncio.create_task(_asking(site, until, ended, pause=0.1, piece=100)) for _ in range(10)]
    with ExitStack() as held:
        for _ in range(8):
            await _never_read(site, held)
        _told_pages(sheet, await visit(site.port, RATE, until), 0.3)
    await asyncio.gather(*slow)
    await asyncio.sleep(3)
    _told_streams(sheet, ended)
    writing = site.sql("SELECT count(*) FROM rag_message WHERE status = 'streaming'")
    sheet.exactly("answers still being written afterwards", writing, 0)
    return sheet.figures


async def _never_read(site: Site, held: ExitStack) -> None:
    visitor = Visitor(site.port)
    path = await visitor.asked()
    sock = held.enter_context(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    sock.connect(("127.0.0.1", site.port))
    sock.sendall(visitor.head("GET", path, b""))


async def large(site: Site, minutes: float) -> list[Figure]:
    """The most files that a repository may have, with the processes that git is."""
    sheet = Sheet(scenario="a repository of 5,000 files")
    repository = await asyncio.to_thread(sites.repository, site.folder / "largest", 5_000)
    project = await asyncio.to_thread(site.added, str(repository), "largest")
    process, most, started = site.manage("process_rag_async", "--project-id", str(project)), 0.0, time.perf_counter()
    while process.poll() is None:
        most = max(most, sum(sites.resident(pid) for pid in [process.pid, *sites.children(process.pid)]))
        await asyncio.sleep(0.05)
    _end_command(process)
    sheet.add("chunks", f"{site.sql(f'{CHUNKS} WHERE r.project_id = {project}'):,}")
    sheet.add("seconds, without a provider's", f"{time.perf_counter() - started:.0f}")
    sheet.add("memory with git, at most", f"{most:.0f} MB", promised="≤ 400 MB", is_kept=most <= 400)
    return sheet.figures


async def soak(site: Site, minutes: float) -> list[Figure]:
    """A busy day: ten who ask, ten pages a second. Memory is compared after the first fifth, when all is warm."""
    sheet, until, sizes = Sheet(scenario=f"soak, {minutes:g} minutes"), _end(minutes), []
    ended: list[Stream] = []
    asking = [asyncio.create_task(_asking(site, until, ended)) for _ in range(10)]
    reading = asyncio.create_task(visit(site.port, 10, until))
    while not reading.done():
        sizes.append(site.memory())
        await asyncio.sleep(1)
    await asyncio.gather(*asking)
    _told_streams(sheet, ended)
    _told_pages(sheet, reading.result(), 0.2)
    fifth = max(1, len(sizes) // 5)
    before, after = statistics.median(sizes[fifth : 2 * fifth]), statistics.median(sizes[-fifth:])
    measured = f"{after / before - 1:+.1%} ({before:.0f} → {after:.0f} MB)"
    sheet.add("memory of the worker", measured, promised="≤ +5 %", is_kept=after <= before * 1.05)
    return sheet.figures


async def _asking(site: Site, until: float, ended: list[Stream], *, pause: float = 0.0, piece: int = 65_536) -> None:
    """As one visitor may: a question, its whole answer, and a moment to read it."""
    visitor = Visitor(site.port)
    await asyncio.sleep(random.random() * 3)
    while asyncio.get_running_loop().time() < until:
        ended.append(await visitor.stream(await visitor.asked(), pause=pause, piece=piece))
        await asyncio.sleep(random.random())


def _told_streams(sheet: Sheet, ended: list[Stream]) -> None:
    sheet.add("streams", str(len(ended)))
    sheet.exactly("of them not complete", sum(not stream.is_complete for stream in ended), 0)


def _told_pages(sheet: Sheet, read: Pages, most: float | None) -> None:
    sheet.time(f"pages, p50 of {len(read.seconds)}", read.p(0.5))
    sheet.time("pages, p95", read.p(0.95), most)
    sheet.exactly("pages that failed", len(read.errors), 0)


def _end(minutes: float) -> float:
    return asyncio.get_running_loop().time() + minutes * 60


Scenario = Callable[[Site, float], Awaitable[list[Figure]]]
ALL: dict[str, Scenario] = {
    "streams": streams, "admission": admission, "pages": pages, "half-open": half_open, "slow-readers": slow_readers,
    "large": large, "soak": soak,
}  # fmt: skip
