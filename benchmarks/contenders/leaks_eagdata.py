"""eagdata's stage `contamination` against the questions."""

from cleaning import Job
from staged import ids_by_fate

from eagdata.curate.contamination import ContaminationStage

if __name__ == "__main__":
    job = Job.given()
    _, dropped = ids_by_fate(job, [ContaminationStage(ContaminationStage.Config(against=(job.questions,)))])
    job.finish(dropped)
