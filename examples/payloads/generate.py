#!/usr/bin/env python3
"""Writes the payload corpus: case files for policy guards.

Every case is one call of a tool: a policy, the tool's name and arguments, the response, and what
the backend answers when the guard asks. The objects have the field names of a GitHub-like REST
API; names, texts and numbers are made up. The same script always writes the same bytes, on every
Python from 3.9.

    python3 generate.py             writes NNN-short-name.json beside the script, and the bundled copies
    python3 generate.py FOLDER      writes the cases there and nothing else

The format of a case, and what is in the corpus, stand in README.md.
"""

import base64
import json
import os
import sys

# ---- A random source of our own, the same on every Python ---------------------------------------


class Dice:
    """A small deterministic generator (a 64-bit linear congruence with an output mix)."""

    def __init__(self, seed):
        self.state = 0x9E3779B97F4A7C15
        for char in seed:
            self.state = (self.state * 6364136223846793005 + ord(char) + 1442695040888963407) % 2**64

    def bits(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        mixed = self.state ^ (self.state >> 33)
        return (mixed * 0xFF51AFD7ED558CCD % 2**64) >> 32

    def below(self, count):
        return self.bits() * count >> 32

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, choices):
        return choices[self.below(len(choices))]

    def some(self, choices, low, high):
        pool = list(choices)
        taken = []
        for _ in range(min(self.between(low, high), len(pool))):
            taken.append(pool.pop(self.below(len(pool))))
        return taken

    def chance(self, percent):
        return self.below(100) < percent

    def hex(self, digits):
        return "".join("0123456789abcdef"[self.below(16)] for _ in range(digits))

    def bytes(self, count):
        return bytes(self.below(256) for _ in range(count))


# ---- Words ---------------------------------------------------------------------------------------

PARTS = """parser scheduler cache router tokenizer websocket uploader exporter renderer retry-queue
migration linter watcher session-store tooltip sidebar date-picker garbage-collector inbox importer
webhook rate-limiter search-index feature-flag autocomplete settings-page password-reset audit-log
thumbnailer billing-job health-check changelog onboarding keyboard-shortcut colour-theme file-lock
connection-pool checksum heartbeat cookie-jar print-view drag-handle permission-check time-zone
thread-pool shutdown-hook template-engine code-signing crash-reporter telemetry unit-converter""".split()

VERBS = """drops duplicates ignores truncates leaks blocks rejects misorders caches forgets escapes
overwrites rounds swallows delays repeats locks skips flattens corrupts renames double-counts
hides reloads logs validates re-encodes starves inherits normalises""".split()

THINGS = """the last byte|trailing whitespace|the Accept header|every second event|empty arrays|the
first row|negative offsets|symbolic links|the user's locale|expired tokens|nested quotes|half of the
batch|the file mode|daylight saving time|zero-width joiners|the query string|large integers|the
checksum|comments at the end of a line|Windows line endings|the outer transaction|hidden files|the
progress bar|optional fields|the second monitor|unsaved drafts|a stale lock|leap seconds|the
retry-after value|right-to-left names|read-only volumes|the temporary directory""".replace("\n", " ").split("|")

WHEN = """after a restart|when two tabs are open|on a cold start|with more than 1 000 entries|behind
a proxy|on Mondays, oddly enough|if the disk is nearly full|while a backup runs|under heavy load|as
soon as the clock moves backwards|with an empty configuration|in the nightly build only|on arm64|once
the cache is warm|for accounts made before 2019|whenever the name holds a slash|if IPv6 is off|during
a rolling update|when the reply is chunked|after the third retry""".replace("\n", " ").split("|")

ADJECTIVES = """flaky slow surprising harmless silent rare noisy fragile outdated tiny expensive
confusing ancient generous misleading partial brittle redundant""".split()

OPINIONS = [
    "I would rather see {a} {thing} fixed first, to be honest.",
    "Could we put this behind a flag? The {part} is {adj} enough as it is.",
    "+1, we hit this about {n} times a day.",
    "This is by design: the {part} never promised anything about {thing}.",
    "Bisected to {sha}; before that the {part} was fine.",
    "Not sure it belongs here. The {part} only {verb} {thing} because its caller does.",
    "Can confirm on {version}. Attached is a trace with `{part}={n}`.",
    "> {quote}\n\nThat is not what I measured: {n} ms at the median, {m} ms at the worst.",
    "Thanks for the report! Would you mind trying `{version}-rc.{k}`?",
    "Reverting. The {adj} path needs a test before we touch the {part} again.",
    "Duplicate of #{n}, as far as I can see; please reopen if the {part} is not involved.",
    "@{login} do you remember why we did it this way?",
]

OTHER_TONGUES = [
    "После обновления до {version} модуль «{part}» теряет каждую {k}-ю запись.",
    "升级到 {version} 之后，{part} 会忽略空数组，日志里只有 {n} 行。",
    "{version} に更新すると {part} が再起動後に止まります（{n} 回中 {k} 回）。",
    "{version} 버전에서 {part} 모듈이 {n}ms 동안 멈춥니다.",
    "بعد التحديث إلى {version} يتوقف {part} عن العمل كل {n} ثانية.",
    "אחרי השדרוג לגרסה {version} הרכיב {part} מתעלם משורה {k}.",
    "Μετά την αναβάθμιση σε {version}, το {part} κλειδώνει για {n} δευτερόλεπτα.",
    "{version} में अपडेट करने के बाद {part} हर {k} मिनट में रुक जाता है।",
    "หลังจากอัปเดตเป็น {version} แล้ว {part} ทำงานช้าลง {n} เท่า",
    "Sau khi nâng cấp lên {version}, {part} bỏ qua {n} dòng đầu tiên.",
    "Po aktualizacji do {version} moduł {part} gubi źródła — zażółć gęślą jaźń {k}×.",
    "{version} sürümünden sonra {part} İstanbul'daki ığdır kayıtlarını atlıyor.",
    "Nach dem Update auf {version} überspringt {part} jede {k}. Größe – „schön“ ist das nicht.",
    "Depuis {version}, {part} oublie l’entrée n° {n} ; ça coûte ≈ {k} € par mois…",
    "{version} შემდეგ {part} აღარ იწყება.",
    "{version} ማሻሻያ ከተደረገ በኋላ {part} ይቆማል።",
]

EMOJI = ["🎉", "🐛", "👩‍🚀", "🏳️‍🌈", "✅", "⚠️", "🚀", "👍🏽", "🧵", "𝒳", "𐍈", "🇺🇳", "☃", "❤️‍🔥", "🦀", "𠜎"]
ODD = ["\u2028", "\u2029", "\u200d", "\ufeff", "\u0001", "\u001f", "\u007f", "\b", "\f", "\t", "\\", '"', "</script>", "&amp;", "\u0000", "e\u0301"]

LOGINS = """alba-moreno bjorn-t chidi-o dana-k elif-s farid-n gwen-ap hana-m ivo-p jun-w kim-l lars-v
mira-d nils-q oona-r pavel-z quinn-b rosa-i sami-h tove-j uma-c viktor-e wren-f xoan-g yara-u zeno-y
old-owl tiny-fern red-kite slow-comet quiet-otter brass-anvil north-pier last-train paper-crane""".split()
BOTS = ["renovate[bot]", "dependabot[bot]", "release-train[bot]", "ci-helper[bot]", "stale[bot]"]

LABELS = [("bug", "d73a4a"), ("enhancement", "a2eeef"), ("good first issue", "7057ff"), ("docs", "0075ca"),
          ("needs: triage", "ededed"), ("P1 🔥", "b60205"), ("area/parser", "c5def5"), ("accepted", "0e8a16"),
          ("wontfix", "ffffff"), ("Größe: klein", "fbca04"), ("セキュリティ", "5319e7"), ("spam", "000000")]

PLAIN = ["NONE", "CONTRIBUTOR", "MEMBER", "OWNER", "COLLABORATOR", "FIRST_TIME_CONTRIBUTOR", "FIRST_TIMER", "MANNEQUIN"]


def slots(dice, template):
    return template.format(
        a=dice.pick(["a", "that"]), part=dice.pick(PARTS), verb=dice.pick(VERBS), thing=dice.pick(THINGS),
        adj=dice.pick(ADJECTIVES), n=dice.between(2, 9999), m=dice.between(10, 99999), k=dice.between(2, 9),
        sha=dice.hex(10), version="v%d.%d.%d" % (dice.between(0, 9), dice.between(0, 40), dice.between(0, 15)),
        login=dice.pick(LOGINS), quote=sentence(dice))


def sentence(dice):
    form = dice.below(5)
    part, verb, thing, when = dice.pick(PARTS), dice.pick(VERBS), dice.pick(THINGS), dice.pick(WHEN)
    if form == 0:
        return "The %s %s %s %s." % (part, verb, thing, when)
    if form == 1:
        return "%s%s the %s %s %s." % (when[0].upper(), when[1:] + ",", part, verb, thing)
    if form == 2:
        return "It looks %s, yet %s is where the %s goes wrong." % (dice.pick(ADJECTIVES), thing, part)
    if form == 3:
        return "We saw `%s` %d times in %d hours, always %s." % (part, dice.between(2, 800), dice.between(1, 72), when)
    return "Expected: %s is kept. Actual: the %s %s it." % (thing, dice.pick(ADJECTIVES) + " " + part, verb)


def title(dice):
    if dice.chance(12):
        return slots(dice, dice.pick(OTHER_TONGUES))
    return "%s %s %s %s" % (dice.pick(PARTS), dice.pick(VERBS), dice.pick(THINGS), dice.pick(WHEN + [""]))


def code_block(dice):
    form = dice.below(7)
    part = dice.pick(PARTS).replace("-", "_")
    n = dice.between(3, 400)
    if form == 0:
        lines = ["Traceback (most recent call last):"]
        for _ in range(dice.between(2, 6)):
            lines.append('  File "app/%s.py", line %d, in %s' % (dice.pick(PARTS).replace("-", "_"), dice.between(1, 900), dice.pick(VERBS).replace("-", "_")))
            lines.append("    %s = %s[%d]" % (part, dice.pick(PARTS).replace("-", "_"), dice.between(0, 99)))
        lines.append(dice.pick(["KeyError: '%s'", "ValueError: invalid %s", "OSError: [Errno 28] %s"]) % part)
        return "```\n%s\n```" % "\n".join(lines)
    if form == 1:
        return "```go\nfunc %s(in []byte) (int, error) {\n\tif len(in) < %d {\n\t\treturn 0, fmt.Errorf(\"%s: %%d bytes\", len(in))\n\t}\n\treturn len(in) << %d, nil\n}\n```" % (part, n, part, dice.between(1, 7))
    if form == 2:
        return "```json\n{\"%s\": {\"path\": \"C:\\\\logs\\\\%d\", \"pattern\": \"^\\\\d+\\\\.\\u00e9$\", \"on\": %s}}\n```" % (part, n, dice.pick(["true", "false", "null"]))
    if form == 3:
        return "```yaml\n%s:\n  retries: %d\n  when: \"%s\"\n  steps:\n    - run: make %s && ./%s --n=%d\n```" % (part, n % 9, dice.pick(WHEN), part, part, n)
    if form == 4:
        return "```diff\n-let %s = %d;\n+let %s = %d; // %s\n```" % (part, n, part, n + 1, dice.pick(THINGS))
    if form == 5:
        rows = ["| %s | ms | kept |" % part, "|---|---:|:-:|"]
        for _ in range(dice.between(2, 7)):
            rows.append("| %s | %d | %s |" % (dice.pick(PARTS), dice.between(1, 90000), dice.pick(["✓", "✗", "—"])))
        return "\n".join(rows)
    return "```console\n$ %s --verbose 2>&1 | grep -E '\\[%d\\]'\n[%d] warn: \"%s\" <%s>\n```" % (part, n, n, dice.pick(THINGS), "\\x1b[31m")


def paragraph(dice):
    text = " ".join(sentence(dice) for _ in range(dice.between(1, 4)))
    if dice.chance(15):
        text += " " + slots(dice, dice.pick(OTHER_TONGUES))
    if dice.chance(15):
        text += " " + dice.pick(EMOJI)
    if dice.chance(5):
        text += " " + dice.pick(ODD) + dice.pick(ODD)
    return text


def markdown(dice, blocks):
    out = []
    for _ in range(blocks):
        form = dice.below(8)
        if form == 0:
            out.append("## " + dice.pick(["Steps to reproduce", "Environment", "What I tried", "Ожидалось", "背景", "Notes"]))
        elif form == 1:
            out.append("\n".join("- [%s] %s" % (dice.pick(" x"), sentence(dice)) for _ in range(dice.between(2, 5))))
        elif form == 2:
            out.append(code_block(dice))
        elif form == 3:
            out.append("> " + sentence(dice) + "\n\n" + slots(dice, dice.pick(OPINIONS)))
        else:
            out.append(paragraph(dice))
    return ("\r\n\r\n" if dice.chance(30) else "\n\n").join(out)


def moment(dice):
    return "20%02d-%02d-%02dT%02d:%02d:%02dZ" % (dice.between(18, 26), dice.between(1, 12), dice.between(1, 28), dice.below(24), dice.below(60), dice.below(60))


# ---- Objects -------------------------------------------------------------------------------------

API = "https://api.github.com"
WEB = "https://github.com"


def user(dice, login=None, **more):
    login = login or dice.pick(LOGINS)
    number = sum(ord(char) * (index + 7) * 977 for index, char in enumerate(login))
    plain = login.replace("[", "%5B").replace("]", "%5D")
    base = "%s/users/%s" % (API, plain)
    made = {
        "login": login, "id": number, "node_id": base64.b64encode(b"04:User%d" % number).decode(),
        "avatar_url": "https://avatars.githubusercontent.com/u/%d?v=4" % number, "gravatar_id": "",
        "url": base, "html_url": "%s/%s" % (WEB, plain), "followers_url": base + "/followers",
        "following_url": base + "/following{/other_user}", "gists_url": base + "/gists{/gist_id}",
        "starred_url": base + "/starred{/owner}{/repo}", "subscriptions_url": base + "/subscriptions",
        "organizations_url": base + "/orgs", "repos_url": base + "/repos", "events_url": base + "/events{/privacy}",
        "received_events_url": base + "/received_events", "type": "Bot" if login.endswith("[bot]") else "User",
        "user_view_type": "public", "site_admin": False}
    made.update(more)
    return made


def label(dice, pair=None):
    name, colour = pair or dice.pick(LABELS)
    return {"id": dice.between(10**8, 10**9), "node_id": "LA_" + dice.hex(12), "url": "%s/labels/%s" % (API, name.replace(" ", "%20")),
            "name": name, "color": colour, "default": dice.chance(40), "description": sentence(dice) if dice.chance(60) else None}


def milestone(dice):
    return {"url": API + "/milestones/%d" % dice.between(1, 30), "id": dice.between(10**6, 10**7), "number": dice.between(1, 30),
            "title": "v%d.%d" % (dice.between(0, 9), dice.between(0, 30)), "description": sentence(dice), "creator": user(dice),
            "open_issues": dice.below(40), "closed_issues": dice.below(400), "state": dice.pick(["open", "closed"]),
            "created_at": moment(dice), "updated_at": moment(dice), "due_on": moment(dice) if dice.chance(50) else None, "closed_at": None}


def reactions(dice, url):
    counts = [dice.below(12) if dice.chance(30) else 0 for _ in range(8)]
    made = {"url": url + "/reactions", "total_count": sum(counts)}
    made.update(zip(["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"], counts))
    return made


def repository(dice, full_name, private=False, **more):
    owner, name = full_name.split("/")
    base = "%s/repos/%s" % (API, full_name)
    made = {"id": dice.between(10**6, 10**9), "node_id": "R_" + dice.hex(10), "name": name, "full_name": full_name, "private": private,
            "owner": user(dice, owner, type="Organization"), "html_url": "%s/%s" % (WEB, full_name),
            "description": sentence(dice) if dice.chance(80) else None, "fork": False, "url": base}
    for key in ("forks", "keys{/key_id}", "collaborators{/collaborator}", "teams", "hooks", "events", "assignees{/user}",
                "branches{/branch}", "tags", "git/blobs{/sha}", "git/refs{/sha}", "git/trees{/sha}", "statuses/{sha}", "languages",
                "stargazers", "contributors", "subscribers", "commits{/sha}", "comments{/number}", "contents/{+path}",
                "compare/{base}...{head}", "merges", "issues{/number}", "pulls{/number}", "milestones{/number}", "releases{/id}"):
        made[key.split("{")[0].strip("/").replace("/", "_") + "_url"] = base + "/" + key
    made.update({"created_at": moment(dice), "updated_at": moment(dice), "pushed_at": moment(dice), "size": dice.below(90000),
                 "stargazers_count": dice.below(40000), "watchers_count": dice.below(40000),
                 "language": dice.pick(["Python", "Rust", "Go", "TypeScript", "C++", None]), "has_issues": True, "has_wiki": dice.chance(50),
                 "forks_count": dice.below(999), "archived": dice.chance(8), "disabled": False, "open_issues_count": dice.below(500),
                 "license": {"key": "mit", "name": "MIT License", "spdx_id": "MIT"} if dice.chance(70) else None,
                 "topics": dice.some(["wasm", "sandbox", "parser", "cli", "testing", "日本語", "data"], 0, 4),
                 "visibility": "private" if private else "public", "default_branch": dice.pick(["main", "master", "trunk"]), "score": 1.0})
    made.update(more)
    return made


def issue(dice, repo, number, login=None, association=None, labels=None, blocks=None, **more):
    base = "%s/repos/%s/issues/%d" % (API, repo, number)
    made = {
        "url": base, "repository_url": "%s/repos/%s" % (API, repo), "labels_url": base + "/labels{/name}", "comments_url": base + "/comments",
        "events_url": base + "/events", "html_url": "%s/%s/issues/%d" % (WEB, repo, number), "id": dice.between(10**9, 2 * 10**9),
        "node_id": "I_" + dice.hex(16), "number": number, "title": title(dice), "user": user(dice, login),
        "labels": labels if labels is not None else [label(dice) for _ in range(dice.below(4))], "state": dice.pick(["open", "open", "closed"]),
        "locked": dice.chance(5), "assignee": None, "assignees": [user(dice) for _ in range(dice.below(2))],
        "milestone": milestone(dice) if dice.chance(20) else None, "comments": dice.below(40), "created_at": moment(dice), "updated_at": moment(dice),
        "closed_at": None, "author_association": association or dice.pick(PLAIN), "active_lock_reason": None,
        "body": markdown(dice, dice.between(1, 7) if blocks is None else blocks) or None, "closed_by": None,
        "reactions": reactions(dice, base), "timeline_url": base + "/timeline", "performed_via_github_app": None, "state_reason": None}
    made.update(more)
    return made


def side(dice, repo, login, branch):
    return {"label": "%s:%s" % (repo.split("/")[0], branch), "ref": branch, "sha": dice.hex(40), "user": user(dice, login), "repo": repository(dice, repo)}


def pull(dice, repo, number, login=None, association=None, merged_at=None, full=False, **more):
    login = login or dice.pick(LOGINS)
    made = issue(dice, repo, number, login, association)
    for key in ("closed_by", "reactions", "timeline_url", "repository_url", "labels_url", "events_url", "performed_via_github_app", "state_reason"):
        del made[key]
    base = "%s/repos/%s/pulls/%d" % (API, repo, number)
    made.update({"url": base, "html_url": "%s/%s/pull/%d" % (WEB, repo, number), "diff_url": "%s/%s/pull/%d.diff" % (WEB, repo, number),
                 "merged_at": merged_at, "merge_commit_sha": dice.hex(40) if merged_at else None, "draft": dice.chance(20),
                 "state": "closed" if merged_at else "open", "requested_reviewers": [user(dice) for _ in range(dice.below(2))], "requested_teams": [],
                 "commits_url": base + "/commits", "statuses_url": "%s/repos/%s/statuses/%s" % (API, repo, dice.hex(40)), "auto_merge": None})
    if full:
        made.update({"head": side(dice, "%s/%s" % (login.split("[")[0], repo.split("/")[1]), login, "fix-%d" % number),
                     "base": side(dice, repo, repo.split("/")[0], "main"), "merged": bool(merged_at), "mergeable": True, "mergeable_state": "clean",
                     "merged_by": user(dice) if merged_at else None, "additions": dice.below(5000), "deletions": dice.below(2000),
                     "changed_files": dice.between(1, 60), "commits": dice.between(1, 30), "review_comments": dice.below(20)})
    else:
        made.update({"head": {"label": "%s:fix-%d" % (login, number), "ref": "fix-%d" % number, "sha": dice.hex(40)},
                     "base": {"label": "main", "ref": "main", "sha": dice.hex(40)}})
    made.update(more)
    return made


def commit(dice, repo, login=None, verified=None, **more):
    sha = dice.hex(40)
    base = "%s/repos/%s/commits/%s" % (API, repo, sha)
    login = login or dice.pick(LOGINS)
    who = {"name": login.title(), "email": "%s@example.org" % login.split("[")[0], "date": moment(dice)}
    made = {"sha": sha, "node_id": "C_" + dice.hex(20),
            "commit": {"author": who, "committer": {"name": "GitHub", "email": "noreply@github.com", "date": who["date"]},
                       "message": title(dice) + ("\n\n" + markdown(dice, dice.between(1, 2)) if dice.chance(50) else "") + ("\n\nCo-authored-by: Dana <dana@example.org>" if dice.chance(20) else ""),
                       "tree": {"sha": dice.hex(40), "url": base.replace("commits", "git/trees")}, "url": base.replace("commits", "git/commits"),
                       "comment_count": dice.below(4),
                       "verification": {"verified": dice.chance(60) if verified is None else verified, "reason": "valid", "signature": None, "payload": None}},
            "url": base, "html_url": "%s/%s/commit/%s" % (WEB, repo, sha), "comments_url": base + "/comments", "author": user(dice, login),
            "committer": user(dice, "web-flow"), "parents": [{"sha": dice.hex(40), "url": base}]}
    made.update(more)
    return made


def comment(dice, repo, number, login=None, association=None):
    identity = dice.between(10**9, 3 * 10**9)
    base = "%s/repos/%s/issues/comments/%d" % (API, repo, identity)
    return {"url": base, "html_url": "%s/%s/issues/%d#issuecomment-%d" % (WEB, repo, number, identity), "issue_url": "%s/repos/%s/issues/%d" % (API, repo, number),
            "id": identity, "node_id": "IC_" + dice.hex(14), "user": user(dice, login), "created_at": moment(dice), "updated_at": moment(dice),
            "author_association": association or dice.pick(PLAIN),
            "body": slots(dice, dice.pick(OPINIONS)) + ("\n\n" + markdown(dice, dice.between(1, 3)) if dice.chance(50) else ""),
            "reactions": reactions(dice, base), "performed_via_github_app": None}


def review(dice, repo, number, login=None, association=None):
    identity = dice.between(10**9, 3 * 10**9)
    return {"id": identity, "node_id": "PRR_" + dice.hex(14), "user": user(dice, login), "body": paragraph(dice) if dice.chance(70) else "",
            "state": dice.pick(["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]), "html_url": "%s/%s/pull/%d#pullrequestreview-%d" % (WEB, repo, number, identity),
            "submitted_at": moment(dice), "commit_id": dice.hex(40), "author_association": association or dice.pick(PLAIN)}


def release(dice, repo, login=None, **more):
    tag = "v%d.%d.%d" % (dice.between(0, 9), dice.between(0, 30), dice.between(0, 9))
    identity = dice.between(10**7, 10**8)
    assets = [{"id": dice.between(10**7, 10**8), "name": "%s-%s.tar.gz" % (repo.split("/")[1], arch), "label": None, "uploader": user(dice, dice.pick(BOTS)),
               "content_type": "application/gzip", "state": "uploaded", "size": dice.between(10**4, 10**8), "digest": "sha256:" + dice.hex(64),
               "download_count": dice.below(10**6), "created_at": moment(dice), "browser_download_url": "%s/%s/releases/download/%s/%s.tar.gz" % (WEB, repo, tag, arch)}
              for arch in dice.some(["x86_64-linux", "aarch64-linux", "arm64-darwin", "x64-windows"], 0, 3)]
    made = {"url": "%s/repos/%s/releases/%d" % (API, repo, identity), "id": identity, "author": user(dice, login), "node_id": "RE_" + dice.hex(12),
            "tag_name": tag, "target_commitish": "main", "name": tag + " “%s”" % dice.pick(ADJECTIVES), "draft": False, "prerelease": False,
            "created_at": moment(dice), "published_at": moment(dice), "assets": assets, "tarball_url": "%s/repos/%s/tarball/%s" % (API, repo, tag),
            "body": "\n".join("* %s by @%s in #%d" % (title(dice), dice.pick(LOGINS), dice.between(1, 9999)) for _ in range(dice.between(2, 9)))}
    made.update(more)
    return made


def run(dice, repo, event=None, head=None, login=None, **more):
    identity = dice.between(10**9, 2 * 10**9)
    small = {"id": 1, "full_name": repo, "private": False, "owner": {"login": repo.split("/")[0]}, "html_url": "%s/%s" % (WEB, repo)}
    made = {"id": identity, "name": dice.pick(["CI", "Release", "Nightly", "Проверка", "lint"]), "node_id": "WFR_" + dice.hex(14), "head_branch": dice.pick(["main", "fix-%d" % dice.between(1, 99)]),
            "head_sha": dice.hex(40), "path": ".github/workflows/ci.yml", "display_title": title(dice), "run_number": dice.between(1, 9000),
            "event": event or dice.pick(["push", "pull_request", "schedule", "workflow_dispatch", "issue_comment", "deployment"]), "status": "completed",
            "conclusion": dice.pick(["success", "failure", "cancelled", None]), "workflow_id": dice.between(10**5, 10**7),
            "url": "%s/repos/%s/actions/runs/%d" % (API, repo, identity), "pull_requests": [], "created_at": moment(dice), "actor": user(dice, login),
            "run_attempt": dice.between(1, 3), "triggering_actor": user(dice, login), "head_commit": {"id": dice.hex(40), "message": title(dice), "timestamp": moment(dice)},
            "repository": small, "head_repository": dict(small, full_name=head or repo)}
    made.update(more)
    return made


def code_hit(dice, repo, private=False):
    path = "%s/%s.%s" % (dice.pick(["src", "lib", "docs", "tests/данные"]), dice.pick(PARTS), dice.pick(["py", "rs", "go", "md"]))
    return {"name": path.split("/")[-1], "path": path, "sha": dice.hex(40), "url": "%s/repos/%s/contents/%s?ref=%s" % (API, repo, path, dice.hex(40)),
            "html_url": "%s/%s/blob/%s/%s" % (WEB, repo, dice.hex(40), path), "repository": repository(dice, repo, private),
            "score": 1.0, "text_matches": [{"object_type": "FileContent", "property": "content", "fragment": code_block(dice),
                                            "matches": [{"text": "retry", "indices": [dice.below(40), 40 + dice.below(40)]}]}]}


def content(dice, repo, path, raw, **more):
    made = {"name": path.split("/")[-1], "path": path, "sha": dice.hex(40), "size": len(raw), "url": "%s/repos/%s/contents/%s?ref=main" % (API, repo, path),
            "html_url": "%s/%s/blob/main/%s" % (WEB, repo, path), "git_url": "%s/repos/%s/git/blobs/%s" % (API, repo, dice.hex(40)),
            "download_url": "https://raw.githubusercontent.com/%s/main/%s" % (repo, path), "type": "file",
            "content": base64.encodebytes(raw).decode(), "encoding": "base64", "_links": {"self": API, "git": API, "html": WEB}}
    made.update(more)
    return made


def log_text(dice, lines):
    out = []
    for index in range(lines):
        stamp = "2026-03-%02dT%02d:%02d:%02d.%07dZ" % (1 + index // 40000, index // 3600 % 24, index // 60 % 60, index % 60, dice.below(10**7))
        form = dice.below(6)
        if form == 0:
            text = "##[group]Run make %s" % dice.pick(PARTS)
        elif form == 1:
            text = "\x1b[3%dm%s\x1b[0m %s::%s ... %s" % (dice.between(1, 6), dice.pick(["ok", "FAILED", "skip"]), dice.pick(PARTS), dice.pick(VERBS), dice.pick(EMOJI))
        elif form == 2:
            text = "warning: %s" % sentence(dice)
        elif form == 3:
            text = "  at %s (%s:%d:%d)" % (dice.pick(VERBS), dice.pick(PARTS), dice.between(1, 900), dice.between(1, 80))
        elif form == 4:
            text = "Downloading %s-%d.%d.tar.gz (%d kB) sha256:%s" % (dice.pick(PARTS), dice.below(9), dice.below(99), dice.between(3, 9000), dice.hex(32))
        else:
            text = "%s=%s" % (dice.pick(PARTS).upper().replace("-", "_"), dice.hex(dice.between(4, 24)))
        out.append(stamp + " " + text)
    return "\n".join(out)


# ---- Wrapping ------------------------------------------------------------------------------------


def wrapped(data, ascii_only=False, indent=None):
    """The MCP wrapper around JSON text; `ascii_only` makes escapes and surrogate pairs."""
    return {"content": [{"type": "text", "text": json.dumps(data, ensure_ascii=ascii_only, indent=indent, separators=None if indent else (",", ":"))}]}


def said(text, **more):
    return dict({"content": [{"type": "text", "text": text}]}, **more)


def error(text):
    return said(text, isError=True)


def found(repo, private=False, wrap=False, **more):
    """A backend rule: the repository is found."""
    items = [dict({"id": 7, "full_name": repo, "private": private, "visibility": "private" if private else "public", "default_branch": "main"}, **more)]
    answer = {"total_count": 1, "incomplete_results": False, "items": items}
    return {"tool_name": "search_repositories", "tool_args": {"query": "repo:" + repo.lower()}, "result": wrapped(answer) if wrap else answer}


def failing(text="backend is down", repo=None):
    rule = {"tool_name": "search_repositories", "error": text}
    if repo:
        rule["tool_args"] = {"query": "repo:" + repo}
    return rule


def allow(repos, level, bots=None, **lists):
    made = {"allow-only": dict({"repos": repos, "min-integrity": level}, **{key.replace("_", "-"): value for key, value in lists.items()})}
    if bots:
        made["trusted-bots"] = bots
    return made


def at(repo, **more):
    owner, name = repo.split("/")
    return dict({"owner": owner, "repo": name}, **more)


# ---- The cases -----------------------------------------------------------------------------------

CASES = []


def case(function):
    CASES.append(function)
    return function


def build(description, policy, tool_name, tool_args, tool_result, backend):
    return {"description": description, "policy": policy, "tool_name": tool_name, "tool_args": tool_args, "tool_result": tool_result, "backend": backend}


WEB_REPO, API_REPO, VAULT = "acme/web", "acme/api-core", "acme/vault"
EVERYTHING = allow("all", "none")
PUBLIC = allow("public", "unapproved")
TEAM = allow(["acme/web", "acme/api-*"], "approved", ["renovate[bot]"], blocked_users=["old-owl"], trusted_users=["dana-k"], approval_labels=["accepted"], refusal_labels=["wontfix", "spam"])
MERGED = allow(["acme/*"], "merged")
ONE_REPO = allow(["acme/web"], "unapproved")


@case
def small_issue_list(dice):
    items = [issue(dice, WEB_REPO, 101, "kim-l", "OWNER", [], 1), issue(dice, WEB_REPO, 102, "tiny-fern", "NONE", [], 1), issue(dice, WEB_REPO, 103, "dana-k", "CONTRIBUTOR", [], 1)]
    return build("Three issues by an owner, a stranger and a trusted user", TEAM, "list_issues", at(WEB_REPO), wrapped(items), [found(WEB_REPO)])


@case
def issue_list_bare(dice):
    items = [issue(dice, WEB_REPO, 200 + n) for n in range(8)]
    return build("Eight issues as bare JSON, as a REST proxy sees them", ONE_REPO, "list_issues", at(WEB_REPO, state="all"), items, [found(WEB_REPO)])


@case
def single_issue(dice):
    return build("One issue with a milestone and many labels", TEAM, "get_issue", at(WEB_REPO, issue_number=77),
                 wrapped(issue(dice, WEB_REPO, 77, labels=[label(dice, pair) for pair in LABELS[:7]], milestone=milestone(dice)), indent=2), [found(WEB_REPO)])


@case
def minimal_issue(dice):
    return build("The smallest useful issue", EVERYTHING, "get_issue", {"owner": "a", "repo": "b", "issue_number": 1}, {"number": 1, "title": "x"}, [])


@case
def private_issue_list(dice):
    return build("A private repository within the scope", MERGED, "list_issues", at(VAULT), wrapped([issue(dice, VAULT, n) for n in range(1, 6)]), [found(VAULT, True)])


@case
def private_out_of_scope(dice):
    return build("A private repository outside the scope", ONE_REPO, "list_issues", at("globex/plans"), wrapped([issue(dice, "globex/plans", n) for n in range(1, 4)]),
                 [found(WEB_REPO), found("globex/plans", True)])


@case
def blocked_and_bots(dice):
    makers = [("old-owl", "MEMBER"), ("renovate[bot]", "NONE"), ("stale[bot]", "NONE"), ("Dana-K", "NONE"), ("OLD-OWL", "OWNER"), ("kim-l", "COLLABORATOR")]
    return build("Blocked users, trusted and other bots, letter case of logins", TEAM, "list_issues", at("Acme/Web"),
                 wrapped([issue(dice, WEB_REPO, 300 + n, login, association, [], 1) for n, (login, association) in enumerate(makers)]), [found(WEB_REPO)])


@case
def labels_decide(dice):
    pairs = [[("accepted", "0e8a16")], [("ACCEPTED", "0e8a16"), ("wontfix", "ffffff")], [("spam", "000000")], []]
    items = [issue(dice, API_REPO, 40 + n, "tiny-fern", "NONE", [label(dice, pair) for pair in found_pairs], 1) for n, found_pairs in enumerate(pairs)]
    items.append(issue(dice, API_REPO, 50, "tiny-fern", "NONE", ["bug", "Accepted"], 1))
    return build("Approval and refusal labels, as objects and as bare strings", TEAM, "list_issues", at(API_REPO), wrapped(items), [found(API_REPO, wrap=True)])


@case
def search_two_repos(dice):
    items = [issue(dice, repo, 500 + n, score=1.0) for n, repo in enumerate([WEB_REPO, VAULT, WEB_REPO, "globex/plans", VAULT, "Acme/Web"])]
    return build("A search over public, private and unknown repositories", TEAM, "search_issues", {"query": "is:open retry"},
                 wrapped({"total_count": 6, "incomplete_results": False, "items": items}), [found(WEB_REPO), found(VAULT, True), failing("rate limit exceeded", "globex/plans")])


@case
def search_in_one_repo(dice):
    items = [issue(dice, WEB_REPO, 600 + n) for n in range(12)]
    return build("A search that names one repository; bare JSON", ONE_REPO, "search_issues", {"q": "repo:acme/web\tlabel:bug"},
                 {"total_count": 12, "incomplete_results": False, "items": items}, [found(WEB_REPO)])


@case
def search_without_hits(dice):
    return build("A search without hits", PUBLIC, "search_issues", {"query": "repo:acme/web repo:acme/vault nothing"}, wrapped({"total_count": 0, "incomplete_results": False, "items": []}), [])


@case
def pull_list(dice):
    items = [pull(dice, WEB_REPO, 700 + n, merged_at=moment(dice) if n % 3 == 0 else None) for n in range(9)]
    return build("Pull requests, a third of them merged", MERGED, "list_pull_requests", at(WEB_REPO, state="all"), wrapped(items, ascii_only=True), [found(WEB_REPO)])


@case
def pull_from_fork(dice):
    return build("One pull request with its head and base repositories", TEAM, "get_pull_request", at(WEB_REPO, pullNumber=88), wrapped(pull(dice, WEB_REPO, 88, "tiny-fern", "FIRST_TIME_CONTRIBUTOR", full=True)), [found(WEB_REPO)])


@case
def pull_merged(dice):
    return build("A merged pull request of a blocked user", TEAM, "get_pull_request", at(WEB_REPO, pullNumber=89), pull(dice, WEB_REPO, 89, "old-owl", "MEMBER", moment(dice), True), [found(WEB_REPO)])


@case
def commits_default_branch(dice):
    return build("Commits of the default branch", MERGED, "list_commits", at(WEB_REPO), wrapped([commit(dice, WEB_REPO) for _ in range(15)]), [found(WEB_REPO)])


@case
def commits_other_branch(dice):
    items = [commit(dice, WEB_REPO, verified=n % 2 == 0) for n in range(6)] + [commit(dice, WEB_REPO, author=None), commit(dice, WEB_REPO, "old-owl"), {"sha": "ABC", "commit": {}}]
    return build("Commits of another branch: verified or not, without an author, of a blocked user", TEAM, "list_commits", at(WEB_REPO, sha="fix-12"), items, [found(WEB_REPO)])


@case
def file_base64(dice):
    text = "# %s\n\n%s\n" % (title(dice), markdown(dice, 14))
    return build("A file of the default branch, base64", ONE_REPO, "get_file_contents", at(WEB_REPO, path="README.md"), wrapped(content(dice, WEB_REPO, "README.md", text.encode())), [found(WEB_REPO)])


@case
def file_on_branch(dice):
    return build("A file of a pull request's branch, with a resource in the wrapper that is not looked at", TEAM, "get_file_contents", at(WEB_REPO, path="bin/tool", ref="refs/pull/9/head"),
                 {"content": [{"type": "resource", "resource": {"uri": "repo://acme/web/bin/tool", "mimeType": "application/octet-stream", "blob": base64.b64encode(dice.bytes(600)).decode()}},
                              wrapped(content(dice, WEB_REPO, "bin/tool", dice.bytes(3000)))["content"][0]]}, [found(WEB_REPO)])


@case
def directory(dice):
    items = [{"type": dice.pick(["file", "dir"]), "name": part, "path": "src/" + part, "sha": dice.hex(40), "size": dice.below(9000), "url": "%s/repos/acme/web/contents/src/%s" % (API, part), "content": None} for part in PARTS[:20]]
    return build("A directory listing", PUBLIC, "get_file_contents", at(WEB_REPO, path="src"), wrapped(items), [found(WEB_REPO)])


@case
def binary_file(dice):
    return build("A large binary file, base64", EVERYTHING, "get_file_contents", at(WEB_REPO, path="assets/map.bin"), wrapped(content(dice, WEB_REPO, "assets/map.bin", dice.bytes(110000))), [found(WEB_REPO)])


@case
def releases(dice):
    items = [release(dice, WEB_REPO), release(dice, WEB_REPO, draft=True), release(dice, WEB_REPO, prerelease=True), release(dice, WEB_REPO, "old-owl"), release(dice, WEB_REPO, "renovate[bot]", draft=True)]
    return build("Releases: final, draft, early, by a blocked user, by a bot", TEAM, "list_releases", at(WEB_REPO), wrapped(items), [found(WEB_REPO)])


@case
def latest_release(dice):
    return build("The latest release as bare JSON", PUBLIC, "get_latest_release", at(API_REPO), release(dice, API_REPO), [found(API_REPO)])


@case
def workflow_runs(dice):
    items = [run(dice, WEB_REPO, "push"), run(dice, WEB_REPO, "pull_request"), run(dice, WEB_REPO, "schedule"), run(dice, WEB_REPO, "push", "tiny-fern/web"), run(dice, WEB_REPO, "deployment"),
             run(dice, WEB_REPO, "issue_comment", login="dana-k"), run(dice, WEB_REPO, head_repository=None, event="merge_group")]
    return build("Workflow runs by event, one from a fork", TEAM, "list_workflow_runs", at(WEB_REPO), wrapped({"total_count": len(items), "workflow_runs": items}), [found(WEB_REPO)])


@case
def jobs_and_artifacts(dice):
    items = [{"id": 10**9 + n, "run_id": 5, "name": dice.pick(PARTS), "head_branch": branch, "status": "completed", "conclusion": "success", "steps": [{"name": sentence(dice), "number": k, "status": "completed"} for k in range(1, 9)]}
             for n, branch in enumerate(["main", "fix-1", None, "master"])]
    return build("Jobs of a workflow run", ONE_REPO, "list_workflow_jobs", at(WEB_REPO, run_id=5), {"total_count": 4, "jobs": items}, [found(WEB_REPO)])


@case
def artifacts(dice):
    items = [{"id": 70 + n, "name": "dist-%d" % n, "size_in_bytes": dice.below(10**8), "expired": n == 1, "digest": "sha256:" + dice.hex(64), "workflow_run": {"id": 9, "head_branch": branch, "head_sha": dice.hex(40)}}
             for n, branch in enumerate(["main", "main", "fix-3"])]
    return build("Artifacts of a workflow run", TEAM, "list_workflow_run_artifacts", at(WEB_REPO, run_id=9), wrapped({"total_count": 3, "artifacts": items}), [found(WEB_REPO)])


@case
def job_logs(dice):
    return build("The log of a job: plain text in the wrapper, with terminal escapes", TEAM, "get_job_logs", at(WEB_REPO, job_id=3), said(log_text(dice, 260)), [found(WEB_REPO)])


@case
def pull_diff(dice):
    text = "".join("diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n@@ -1,3 +1,4 @@\n%s\n" % ((part,) * 4 + (code_block(dice),)) for part in dice.some(PARTS, 12, 12))
    return build("A diff through pull_request_read", ONE_REPO, "pull_request_read", at(WEB_REPO, pullNumber=4, method="get_diff"), said(text), [found(WEB_REPO)])


@case
def comments(dice):
    items = [comment(dice, WEB_REPO, 12, login) for login in [None, "old-owl", "renovate[bot]", "dana-k", None, None, None, None, None, None]]
    return build("Comments through issue_read", TEAM, "issue_read", at(WEB_REPO, issue_number=12, method="get_comments"), wrapped(items), [found(WEB_REPO)])


@case
def reviews(dice):
    return build("Reviews of a pull request", TEAM, "get_pull_request_reviews", at(WEB_REPO, pullNumber=12), wrapped([review(dice, WEB_REPO, 12) for _ in range(7)]), [found(WEB_REPO)])


@case
def code_search(dice):
    items = [code_hit(dice, WEB_REPO), code_hit(dice, VAULT, True), code_hit(dice, "globex/tools"), code_hit(dice, API_REPO)]
    return build("Code search over four repositories", TEAM, "search_code", {"query": "retry language:go"}, wrapped({"total_count": 4, "incomplete_results": False, "items": items}),
                 [found(WEB_REPO), found(VAULT, True), found("globex/tools"), found(API_REPO)])


@case
def repository_search(dice):
    items = [repository(dice, WEB_REPO), repository(dice, VAULT, True), repository(dice, "acme/shared", False, visibility="internal"), repository(dice, "tiny-fern/web", False, fork=True), {"full_name": "acme/nameless"}]
    return build("Repositories: public, private, internal, a fork, and one that says nothing", PUBLIC, "search_repositories", {"query": "org:acme"},
                 wrapped({"total_count": 5, "incomplete_results": False, "items": items}), [found("acme/nameless")])


@case
def users(dice):
    items = [user(dice), user(dice, "renovate[bot]"), user(dice, "old-owl"), user(dice, "root", site_admin=True), user(dice, "stale[bot]")]
    return build("A search for users, bots among them", TEAM, "search_users", {"query": "web"}, {"total_count": 5, "incomplete_results": False, "items": items}, [])


@case
def whoami(dice):
    return build("The user itself", MERGED, "get_me", {}, wrapped(user(dice, "kim-l", name="Kim Ł. 🦀", company=None, bio="\"quoted\"\\", followers=12)), [])


@case
def notifications(dice):
    items = [{"id": str(n), "unread": True, "reason": reason, "updated_at": moment(dice), "subject": {"title": title(dice), "type": "Issue"}, "repository": repository(dice, repo, repo == VAULT)}
             for n, (reason, repo) in enumerate([("mention", WEB_REPO), ("author", VAULT), ("review_requested", WEB_REPO), ("subscribed", "globex/tools")])]
    return build("Notifications of several repositories", TEAM, "list_notifications", {}, wrapped(items), [found(WEB_REPO), found(VAULT, True)])


@case
def gists(dice):
    items = [{"id": dice.hex(20), "public": public, "owner": user(dice), "files": {"a.py": {"filename": "a.py", "size": 20}}, "description": sentence(dice)} for public in (True, False, None)]
    return build("Gists, public and not", EVERYTHING, "list_gists", {}, items, [])


@case
def secrets(dice):
    items = [{"number": n, "state": "open", "secret_type": "example_token", "secret": "ex_" + dice.hex(24), "resolved_by": None, "created_at": moment(dice)} for n in range(1, 5)]
    return build("Leaked secrets: private even in a public repository", ONE_REPO, "list_secret_scanning_alerts", at(WEB_REPO), wrapped(items), [found(WEB_REPO)])


@case
def write_tool(dice):
    return build("A write: an issue is created", ONE_REPO, "create_issue", at(WEB_REPO, title=title(dice), body=paragraph(dice)), wrapped({"number": 900, "html_url": WEB}), [found(WEB_REPO)])


@case
def merge_tool(dice):
    return build("Merging a pull request: read and write", TEAM, "merge_pull_request", at(WEB_REPO, pullNumber=5, merge_method="squash"), {"sha": dice.hex(40), "merged": True, "message": "Pull Request successfully merged"}, [found(WEB_REPO)])


@case
def comment_tool(dice):
    return build("A comment on a private repository outside the scope", PUBLIC, "add_issue_comment", at(VAULT, issue_number=3, body="psst"), wrapped({"id": 3}), [found(VAULT, True)])


@case
def unknown_tool(dice):
    return build("A tool that the guard does not know", TEAM, "launch_rocket\n\u202e", at(WEB_REPO, speed=1e21), wrapped([{"ok": True}]), [found(WEB_REPO)])


@case
def error_result(dice):
    return build("The tool failed", ONE_REPO, "get_issue", at(WEB_REPO, issue_number=404), error("failed to get issue: GET %s/repos/acme/web/issues/404: 404 Not Found []" % API), [found(WEB_REPO)])


@case
def error_body(dice):
    return build("A REST error as bare JSON", ONE_REPO, "list_commits", at(WEB_REPO), {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}, [found(WEB_REPO)])


@case
def plain_text(dice):
    return build("Text that is not JSON, in two pieces", PUBLIC, "get_file_contents", at(WEB_REPO, path="LICENSE"), {"content": [{"type": "text", "text": "successfully downloaded text file ("}, {"text": "SHA: %s)" % dice.hex(40)}]}, [found(WEB_REPO)])


@case
def image(dice):
    return build("Nothing but an image", ONE_REPO, "get_file_contents", at(WEB_REPO, path="logo.png"), {"content": [{"type": "image", "data": base64.b64encode(dice.bytes(3000)).decode(), "mimeType": "image/png"}]}, [found(WEB_REPO)])


@case
def image_and_json(dice):
    return build("JSON text split over two items, an image between them", ONE_REPO, "list_issues", at(WEB_REPO),
                 {"content": [{"type": "text", "text": "[{\"number\": 1, \"user\": {\"login\": \"ki"}, {"type": "image", "data": "AAAA", "mimeType": "image/png"}, {"type": "text", "text": "m-l\"}, \"author_association\": \"MEMBER\"}]"}, None, {"type": "text"}]},
                 [found(WEB_REPO)])


@case
def empty_list(dice):
    return build("An empty list", ONE_REPO, "list_issues", at(WEB_REPO), wrapped([]), [found(WEB_REPO)])


@case
def empty_object(dice):
    return build("An empty object, bare", EVERYTHING, "get_pull_request", at(WEB_REPO, pullNumber=1), {}, [found(WEB_REPO)])


@case
def null_result(dice):
    return build("No result at all, and a repository name that is not one", TEAM, "list_issues", {"owner": "acme/../x", "repo": "web"}, None, [])


@case
def missing_args(dice):
    return build("Arguments missing", TEAM, "list_issues", None, wrapped([issue(dice, WEB_REPO, 1, blocks=1)]), [found(WEB_REPO)])


@case
def odd_values(dice):
    items = [{"number": 2**53 + 1, "body": None, "user": None, "labels": None}, {"number": 1e21, "user": {"login": 5}, "labels": [None, 3, {"name": None}, {"name": "accepted"}], "author_association": "owner"},
             {"number": -1, "user": ["old-owl"], "author_association": ["OWNER"]}, None, 17, "text", [], [{"number": 5}], True, {}, {"number": 1.5e-7, "n": [0.1, -0.0, 1e300, 5e-324]},
             {"number": 999999999999999, "author_association": "OWNER"}, {"number": 10**15, "author_association": "OWNER "}, {"number": "12", "user": {"login": "Old-Owl", "type": "User"}}]
    return build("Items that are not what they should be: nulls, numbers out of range, wrong types", TEAM, "list_issues", at(WEB_REPO), items, [found(WEB_REPO)])


@case
def odd_text(dice):
    body = "".join(ODD) + "".join(EMOJI) + "".join(chr(code) for code in range(1, 32)) + "\\u0041 \\\" \\n \ud7ff\ue000\uffff\U0001f600\U0010ffff"
    items = [issue(dice, WEB_REPO, 1, "kim-l", "MEMBER", [], 0, body=body, title=body[::-1]), issue(dice, WEB_REPO, 2, "kim-l", "NONE", [{"name": "acc\u0065pted"}], 0, body="]}],\"items\":[{\"number\":3}")]
    return build("Control characters, line separators, quotes and astral characters, all as escapes", TEAM, "list_issues", at(WEB_REPO), wrapped(items, ascii_only=True), [found(WEB_REPO)])


@case
def deeply_nested(dice):
    nest = "leaf"
    for level in range(90):
        nest = {"level": level, "inner": nest} if level % 3 else [nest, level]
    return build("Ninety levels of nesting", ONE_REPO, "get_issue", at(WEB_REPO, issue_number=6), wrapped({"number": 6, "extra": nest, "author_association": "MEMBER", "user": {"login": "kim-l"}}), [found(WEB_REPO)])


@case
def very_wide(dice):
    wide = {"%s_%d" % (dice.pick(PARTS), n): dice.pick([None, True, n, "v%d" % n, [n], {}]) for n in range(1500)}
    wide.update({"number": 8, "author_association": "CONTRIBUTOR"})
    return build("An object with 1 500 keys", ONE_REPO, "get_issue", at(WEB_REPO, issue_number=8), wide, [found(WEB_REPO)])


@case
def tiny_items(dice):
    items = [{"number": n, "author_association": PLAIN[n % 8], "user": {"login": LOGINS[n % len(LOGINS)]}} for n in range(430)]
    return build("430 tiny issues: more than are labelled one by one", TEAM, "list_issues", at(WEB_REPO), {"total_count": 430, "items": items}, [found(WEB_REPO)])


@case
def many_repositories(dice):
    items = [{"number": n, "repository_url": "%s/repos/acme/api-%d" % (API, n % 26), "author_association": "MEMBER"} for n in range(60)]
    return build("A search over 26 repositories: more than are looked up", TEAM, "search_issues", {"query": "x"}, wrapped({"total_count": 60, "items": items}),
                 [found("acme/api-%d" % n, n % 5 == 0) for n in range(26)])


@case
def large_backend_answer(dice):
    hits = [repository(dice, "acme/web-%d" % n) for n in range(9)] + [repository(dice, "Acme/Web")]
    return build("The backend's answer is larger than the guard's first buffer", ONE_REPO, "list_issues", at(WEB_REPO), wrapped([issue(dice, WEB_REPO, 5, blocks=2)]),
                 [{"tool_name": "search_repositories", "result": wrapped({"total_count": 10, "incomplete_results": False, "items": hits})}])


@case
def backend_error(dice):
    return build("The backend fails: the visibility stays unknown", ONE_REPO, "list_issues", at(WEB_REPO), wrapped([issue(dice, WEB_REPO, 5, blocks=2)]), [failing()])


@case
def backend_tool_error(dice):
    return build("The backend answers with a tool error", PUBLIC, "list_issues", at(WEB_REPO), wrapped([issue(dice, WEB_REPO, 5, blocks=2)]),
                 [{"tool_name": "search_repositories", "result": error("secondary rate limit")}])


@case
def rejected_policy(dice):
    return build("A policy that is refused: no labels without one", {"allow-only": {"repos": ["acme/web", "acme"], "min-integrity": "approved"}}, "list_issues", at(WEB_REPO), wrapped([issue(dice, WEB_REPO, 5, blocks=1)]), [])


@case
def untidy_policy(dice):
    policy = {"allow-only": {"repos": [" Acme/Web ", "acme/web", "ACME/api-*"], "min-integrity": " Approved\n", "blocked-users": ["Old-Owl", " old-owl", ""], "approval-labels": None, "tool-call-limits": {"get_me": 1}}, "trusted-bots": ["Renovate[bot]"]}
    return build("A policy with spaces, capitals and repetitions", policy, "list_pull_requests", at("ACME/WEB"), [pull(dice, WEB_REPO, 5, "old-owl"), pull(dice, WEB_REPO, 6, "renovate[bot]", "NONE")], [found(WEB_REPO)])


@case
def medium_issues(dice):
    return build("Eleven issues with long texts", TEAM, "list_issues", at(WEB_REPO, perPage=11), wrapped([issue(dice, WEB_REPO, 3000 + n, blocks=dice.between(2, 10)) for n in range(11)]), [found(WEB_REPO)])


@case
def medium_pulls(dice):
    return build("Pull requests with embedded repositories", TEAM, "list_pull_requests", at(API_REPO), [pull(dice, API_REPO, 10 + n, full=True) for n in range(3)], [found(API_REPO)])


@case
def large_issues(dice):
    return build("28 issues in many scripts", TEAM, "list_issues", at(WEB_REPO, perPage=28), wrapped([issue(dice, WEB_REPO, 4000 + n, blocks=dice.between(4, 14)) for n in range(28)]), [found(WEB_REPO)])


@case
def large_search(dice):
    repos = [WEB_REPO, VAULT, API_REPO, "globex/tools", "initech/printer"]
    items = [issue(dice, dice.pick(repos), 5000 + n, blocks=dice.between(3, 12)) for n in range(45)]
    return build("A large search, escaped to ASCII", PUBLIC, "search_issues", {"query": "timeout"}, wrapped({"total_count": 1200, "incomplete_results": True, "items": items}, ascii_only=True),
                 [found(WEB_REPO), found(VAULT, True), found(API_REPO), found("globex/tools"), failing("timeout", "initech/printer")])


@case
def large_commits(dice):
    return build("Commits of another branch, in bulk", MERGED, "list_commits", at(WEB_REPO, sha="develop"), [commit(dice, WEB_REPO) for _ in range(90)], [found(WEB_REPO)])


@case
def huge_issues(dice):
    return build("About 1 MB of issues: 240, of which 200 are labelled one by one", TEAM, "list_issues", at(WEB_REPO, perPage=240),
                 wrapped([issue(dice, WEB_REPO, 10000 + n, blocks=dice.between(1, 5)) for n in range(240)]), [found(WEB_REPO)])


@case
def large_logs(dice):
    return build("A long job log, handed back with its label", EVERYTHING, "get_job_logs", at(VAULT, job_id=77), said(log_text(dice, 2600)), [found(VAULT, True)])


# The smallest case stands before the others and is written without white space: about 200 bytes.
def tiny(dice):
    return build("An empty list, in 200 bytes", EVERYTHING, "list_issues", {"owner": "a", "repo": "b"}, [], [])


# Cases that are also package data, under a name of their own.
BUNDLED = {"secrets": "payload-leaked-secrets.json", "image_and_json": "payload-split-text.json", "unknown_tool": "payload-unknown-tool.json"}


def encode(made, compact=False):
    small = not compact and len(json.dumps(made)) < 4000
    text = json.dumps(made, ensure_ascii=False, indent=2 if small else None, separators=None if small else (",", ":"))
    return (text + "\n").encode("utf-8")


def write(folder, bundled=None):
    total = 0
    for number, function in enumerate([tiny] + CASES):
        data = encode(function(Dice(function.__name__)), compact=function is tiny)
        total += len(data)
        names = [os.path.join(folder, "%03d-%s.json" % (number, function.__name__.replace("_", "-")))]
        if bundled and function.__name__ in BUNDLED:
            names.append(os.path.join(bundled, BUNDLED[function.__name__]))
        for name in names:
            with open(name, "wb") as stream:
                stream.write(data)
    print("%d cases, %d bytes" % (1 + len(CASES), total))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(sys.argv[1])
    else:
        here = os.path.dirname(os.path.abspath(__file__))
        write(here, os.path.join(here, "..", "..", "hostabi", "bundled"))
