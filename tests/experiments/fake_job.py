"""A job without a store: everything stays in memory, and it dies where a test wants it to."""

from labcore.runs.artifacts import decode, encode


class Killed(BaseException):
    """What a dead worker looks like from within."""


class FakeJob:
    """A job that keeps everything in memory, and dies at chosen steps."""

    stop_requested = False

    def __init__(self, dies_at=()):
        self.series, self.files, self.notes, self.described = {}, {}, [], {}
        self.saved, self.dies_at = None, list(dies_at)

    def log(self, name, step, value):
        self.series.setdefault(name, {})[step] = value

    def log_many(self, name, steps, values):
        for step, value in zip(steps, values, strict=True):
            self.log(name, step, value)

    def save(self, name, value):
        file, data = encode(name, value)
        self.files[file] = data
        return file

    def read(self, name):
        return decode(name, self.files[name])

    def progress(self, done, total, message=""):
        pass

    def note(self, text):
        self.notes.append(text)

    def describe(self, **what):
        self.described = what

    def checkpoint(self, data, step):
        self.saved = data
        if self.dies_at and step >= self.dies_at[0]:
            self.dies_at.pop(0)
            raise Killed

    def restore(self):
        return self.saved

    def stop_here(self):
        pass

    def turn(self):
        pass
