#!/usr/bin/env python3
"""Answers the questions of a `command` roster (docs/rosters.md) from a JSON file.

A start for a program of your own: put what your system says in place of `world`.

    rosters:
      ours: { kind: command, run: [./our-roster.py, ./our-roster.json] }
"""

import json
import sys
from datetime import datetime


class Refusal(Exception):
    """What goes out as `error`: a code that oncall knows, and words for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.answer = {"error": {"code": code, "message": message}}


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def covers(shift, at):
    """From its start on, until before its end: at a handover exactly one person is on call."""
    start, end = shift.get("start"), shift.get("end")
    return (start is None or instant(start) <= at) and (end is None or at < instant(end))


def touches(shift, since, until):
    start, end = shift.get("start"), shift.get("end")
    return (start is None or instant(start) < until) and (end is None or since < instant(end))


def on_call(world, question):
    at = instant(question["at"])
    return shifts_of(world, question, lambda shift: covers(shift, at))


def who_comes(world, question):
    """For people alone: when one's next shift begins, and whom a directory does not have. No decision rests on it."""
    since, until = instant(question["from"]), instant(question["to"])
    return shifts_of(world, question, lambda shift: touches(shift, since, until))


def shifts_of(world, question, counts):
    if question["escalationPolicy"] is not None:
        raise Refusal("refused", "there are no escalation policies here")
    schedules, name = world.get("schedules", {}), question["schedule"]
    # "Nobody is on call" and "there is no such schedule" are different answers.
    if name is not None and name not in schedules:
        raise Refusal("not-found", f'there is no schedule "{name}"')
    levels = question["levels"]
    return {
        "shifts": [
            # `start` and `end` are always there; null is "without that bound".
            {"schedule": schedule, "start": None, "end": None, **shift}
            for schedule in (schedules if name is None else [name])
            for shift in schedules[schedule]
            if counts(shift) and (not levels or shift.get("level") in levels)
        ]
    }


def whole(ref, incident):
    return {"ref": ref, "severities": [], "services": [], "assigned": [], **incident}


def one_incident(world, question):
    found = world.get("incidents", {}).get(question["ref"])
    return {"incident": None if found is None else whole(question["ref"], found)}


def live_incidents(world, question):
    return {"incidents": [whole(ref, one) for ref, one in world.get("incidents", {}).items() if one["live"]]}


def main():
    question = json.load(sys.stdin)
    with open(sys.argv[1], encoding="utf-8") as file:
        world = json.load(file)
    answers = {"onCall": on_call, "shifts": who_comes, "incident": one_incident, "incidents": live_incidents}
    try:
        if question["ask"] not in answers:
            raise Refusal("refused", f'this program does not know the question "{question["ask"]}"')
        answer = answers[question["ask"]](world, question)
    except Refusal as refusal:
        answer = refusal.answer
    # One document, at the end: what fails before it leaves no answer, and a code other than 0.
    print(json.dumps({"schema": 1, **answer}))


main()
