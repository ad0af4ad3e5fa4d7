"""Conformance kits for authors of plugins: each `check_*` turns a contract into assertions. Built-ins pass the same ones."""

from eagdata.testing.environments import check_environment
from eagdata.testing.members import missing_members
from eagdata.testing.rooms import clean_room
from eagdata.testing.scripted import ScriptedTeacher
from eagdata.testing.search import check_search
from eagdata.testing.teachers import check_teacher
from eagdata.testing.verifiers import check_verifier

__all__ = ["ScriptedTeacher", "check_environment", "check_search", "check_teacher", "check_verifier", "clean_room", "missing_members"]
