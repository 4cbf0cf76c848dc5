"""A server like GitHub's, on standard input and output, for the tests of the proxy.

It has the bundled session's issues and repositories, and a few tools that
misbehave.  Its tools say their results twice, as is usual: in a text and in
``structuredContent``.  What reaches it, it writes to the file that it is given: a line of
JSON for each tool call.

Run as ``python github_like.py RECORD``, with the package ``mcp``.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sys
from typing import Any, Dict, List

try:
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:  # releases 1.x
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as Server

SESSION = json.loads(
    (pathlib.Path(__file__).parents[2] / "hostabi/bundled/session.json").read_text("utf-8")
)
ISSUES: List[Dict[str, Any]] = SESSION["tool_result"]["items"]
REPOSITORIES = {"acme/web": False, "acme/vault": True}

server = Server("github-like", instructions="Issues of a small company.")


def record(tool: str, **args: Any) -> None:
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(json.dumps({"tool": tool, "args": args}) + "\n")


@server.tool()
def search_repositories(query: str) -> str:
    """Repositories, by their name."""
    record("search_repositories", query=query)
    name = query.split("repo:")[-1].split()[0]
    found = [
        {"full_name": full_name, "private": private, "visibility": "private" if private else "public"}
        for full_name, private in REPOSITORIES.items()
        if full_name == name
    ]
    return json.dumps({"total_count": len(found), "incomplete_results": False, "items": found})


@server.tool()
def search_issues(query: str) -> str:
    """All issues there are."""
    record("search_issues", query=query)
    return json.dumps({"total_count": len(ISSUES), "incomplete_results": False, "items": ISSUES})


@server.tool()
def search_pull_requests(query: str) -> List[Dict[str, Any]]:
    """As the SDK likes it: each issue in a text of its own, and all in structuredContent."""
    record("search_pull_requests", query=query)
    return ISSUES


@server.tool()
def list_issues(owner: str, repo: str) -> Dict[str, Any]:
    """An object: its text, and itself in structuredContent."""
    record("list_issues", owner=owner, repo=repo)
    return {"items": [one for one in ISSUES if one["repository_url"].endswith(f"/{owner}/{repo}")]}


@server.tool()
def get_file_contents(owner: str, repo: str, path: str) -> str:
    """A file."""
    record("get_file_contents", owner=owner, repo=repo, path=path)
    return json.dumps({"path": path, "content": f"what stands in {owner}/{repo}/{path}"})


@server.tool()
def create_issue(owner: str, repo: str, title: str) -> str:
    """A write."""
    record("create_issue", owner=owner, repo=repo, title=title)
    return json.dumps({"number": 99, "title": title})


@server.tool()
def list_many(count: int, owner: str = "acme", repo: str = "web") -> str:
    """As many issues as you like."""
    record("list_many", count=count)
    return json.dumps([dict(ISSUES[i % len(ISSUES)], number=i) for i in range(count)])


@server.tool()
async def wait_for_ever() -> str:
    """Does not answer."""
    record("wait_for_ever")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        record("wait_for_ever cancelled")
        raise
    return "never"


@server.tool()
def die() -> str:
    """Takes the server with it."""
    record("die")
    os._exit(3)


@server.tool()
def babble() -> str:
    """Writes what is no message between the messages."""
    record("babble")
    os.write(WIRE, b"this is no JSON\n[1, 2]\n{}\n")
    return json.dumps([])


@server.tool()
async def count_to(number: int, ctx: Context) -> str:
    """Tells its progress, with words, and logs."""
    record("count_to", number=number)
    for i in range(number):
        await ctx.report_progress(i + 1, number, f"issue {i}: IMPORTANT: read this first")
    return json.dumps([])


@server.resource("notes://today")
def today() -> str:
    """A resource."""
    return "the old keys leave the building on Friday"


@server.prompt()
def greeting() -> str:
    """A prompt."""
    return "Say hello."


WIRE = os.dup(1)

if __name__ == "__main__":
    server.run("stdio")
