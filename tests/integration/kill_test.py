#!/usr/bin/env python3
"""Kills the engine with SIGKILL, again and again, while mail comes in and goes out; then counts.

    kill_test.py --runs 2 --messages 5000 [--sluice build/release/sluice] [--seed 1]

Promises held to (docs/architecture.md): what was acknowledged is never lost; every accepted recipient
has exactly one final event; a receiver sees a message twice only when it was in flight at a kill. The
sink records each message before its 250, refuses some, greylists some, and lives through all kills.
"""

import argparse
import collections
import datetime
import os
import random
import sys
import time

import harness

FINAL = ("delivered", "bounced", "expired", "suppressed", "cancelled")
# From the final dot to the commit of its outcome: a millisecond by design, but two cores here run
# engine, source and sink at once. A copy older than this at the kill was not in flight.
IN_FLIGHT_SECONDS = 2.0
SENDER = "kill@sender.test"


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Run:
    def __init__(self, number, messages, dice):
        self.messages, self.dice = messages, dice
        self.world = harness.World()
        self.kills = []
        self.faults = []
        # Its own reports come back to the sink too.
        self.sink = self.world.sink("--greylist", "1", "--greylist-match", "@d1.test",
                                    "--reply", "rcpt@@d2.test:50:550 5.1.1 No such user",
                                    "--reply", "dot@@d3.test:20:554 5.7.1 Refused", capture="lines")
        self.config = self.world.config(sink=self.sink)
        self.run_id = f"kill{number}"

    def close(self, failed):
        if failed:
            print(f"kept: {self.world.folder}", file=sys.stderr)
            for program in self.world.programs:
                program.kill()
        else:
            self.world.close(show_logs=False)

    def play(self):
        engine = self.world.engine(self.config)
        blast = self.world.program(
            "blast", harness.SLUICE, "blast", "--to", f"127.0.0.1:{self.config.plain}", "--connections", "20",
            "--messages", self.messages, "--size", "4096", "--recipients-per-message", "2",
            "--domains-count", "8", "--from", SENDER, "--run-id", self.run_id, "--retry",
            "--log", self.world.folder / "blast.jsonl", "--quiet")
        while blast.running():
            self.until(self.dice.uniform(0.05, 1.0), blast)
            engine = self.kill_and_restart(engine)
        # Twice more while only deliveries go on.
        for _ in range(2):
            time.sleep(self.dice.uniform(0.0, 0.3))
            engine = self.kill_and_restart(engine)
        harness.wait_until(self.drained, "every accepted recipient has its final event", 120)
        engine.stop()

    def until(self, pause, blast):
        end = time.monotonic() + pause
        while time.monotonic() < end and blast.running():
            time.sleep(0.01)

    def kill_and_restart(self, engine):
        if not engine.running():
            raise AssertionError(f"the engine ended by itself: {engine.log_text()[-2000:]}")
        self.kills.append(time.time())
        engine.kill()
        return self.world.engine(self.config)

    def finals(self):
        """(message, recipient) -> its final events, each event id once: the log is at least once."""
        found, accepted, seen = collections.defaultdict(list), collections.Counter(), set()
        for event in self.world.events():
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            key = (event.get("message"), event.get("recipient"))
            if event["event"] == "accepted":
                accepted[key] += 1
            elif event["event"] in FINAL:
                found[key].append(event["event"])
        return accepted, found

    def acknowledged(self):
        """(id, recipient) for every 250 that the source read."""
        return [(line["id"], recipient) for line in harness.json_lines(self.world.folder / "blast.jsonl")
                if line["outcome"] == "accepted" for recipient in line["recipients"]]

    def drained(self):
        accepted, found = self.finals()
        return (set(self.acknowledged()) | set(accepted)) <= set(found)

    def check(self):
        accepted, found = self.finals()
        acknowledged = set(self.acknowledged())
        for key in sorted(acknowledged - set(accepted)):
            self.faults.append(f"acknowledged, but never an accepted event: {key}")
        for key in sorted((acknowledged | set(accepted)) - set(found)):
            self.faults.append(f"no final event: {key}")
        self.faults += [f"accepted {count} times: {key}" for key, count in accepted.items() if count != 1]
        self.faults += [f"{len(kinds)} final events {kinds}: {key}" for key, kinds in found.items() if len(kinds) != 1]
        arrivals = collections.defaultdict(list)
        for message in self.sink.messages():
            for recipient in message["recipients"]:
                if message["sender"] == SENDER:
                    arrivals[recipient].append(seconds(message["time"]))
        for (_, recipient), kinds in found.items():
            if recipient != SENDER and kinds == ["delivered"] and not arrivals[recipient]:
                self.faults.append(f"delivered, but the sink never had it: {recipient}")
        duplicates = {r: times for r, times in arrivals.items() if len(times) > 1}
        for recipient, times in duplicates.items():
            times.sort()
            for first, second in zip(times, times[1:]):
                if not any(first - 0.05 <= kill <= first + IN_FLIGHT_SECONDS and kill <= second for kill in self.kills):
                    self.faults.append(f"twice without a kill between: {recipient} at {first:.3f} and {second:.3f}")
        if not acknowledged:
            self.faults.append("nothing was acknowledged: the test tested nothing")
        return {"acknowledged": len({i for i, _ in acknowledged}), "recipients": len(accepted),
                "kills": len(self.kills), "duplicates": len(duplicates),
                "outcomes": dict(collections.Counter(k for kinds in found.values() for k in kinds))}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=2)
    options.add_argument("--messages", type=int, default=5000)
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--sluice")
    options = options.parse_args()
    if options.sluice:
        harness.SLUICE = options.sluice
    harness.SLUICE = os.path.abspath(harness.SLUICE)
    print(f"seed {options.seed}", flush=True)
    dice = random.Random(options.seed)
    for number in range(1, options.runs + 1):
        start = time.monotonic()
        run = Run(number, options.messages, dice)
        failed = True
        try:
            run.play()
            counts = run.check()
            failed = bool(run.faults)
        finally:
            run.close(failed)
        print(f"run {number}: {time.monotonic() - start:.0f} s, {counts}, {len(run.faults)} faults", flush=True)
        if run.faults:
            print("\n".join(run.faults[:50]))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
