#!/usr/bin/env python3
"""A grade of `attnlab grade --json`, read from standard input, in the form that GitHub Classroom's reporter takes.

attnlab grade 05 handout.cu --json | report.py >>"$GITHUB_OUTPUT"
"""

import base64
import json
import sys


def converted(grade: dict) -> dict:
    """What classroom-resources/autograding-command-grader writes, with a test for each property."""
    if "error" in grade:
        error = grade["error"]
        tests = [
            {"name": "submission", "status": "error", "score": 0, "message": f"{error['argument']}: {error['got']}"}
        ]
        return {"version": 1, "status": "error", "max_score": 100, "tests": tests}
    tests = [
        {
            "name": f"{test['name']}: {test['score']} of {test['max_score']}, {test['title']}",
            "status": "pass" if test["score"] == test["max_score"] else "fail",
            "score": test["score"],
            "message": test["output"],
            "test_code": "" if test["score"] == test["max_score"] else test["output"],
            "filename": "",
            "line_no": 0,
        }
        for test in grade["tests"]
    ]
    status = "pass" if grade["score"] == grade["max_score"] else "fail"
    return {"version": 1, "status": status, "max_score": grade["max_score"], "tests": tests}


def main() -> int:
    try:
        grade = json.load(sys.stdin)
    except ValueError:
        grade = {"error": {"argument": "attnlab", "got": "printed no grade"}}
    print("result=" + base64.b64encode(json.dumps(converted(grade)).encode()).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
