"""Data Designer: one text column over a seed column, with as many requests in parallel as asked for, and its faster renderer."""

import data_designer.config as dd
import pandas
from data_designer.interface import DataDesigner
from job import Job


def main(job: Job) -> int:
    designer = DataDesigner(
        artifact_path=job.folder,
        model_providers=[dd.ModelProvider(name="local", endpoint=job.url, provider_type="openai", api_key="none")],
    )
    designer.set_run_config(
        dd.RunConfig(
            max_in_flight_tasks=max(1024, 2 * job.concurrency),
            buffer_size=max(1000, job.concurrency),
            otel_metrics_port=None,
            jinja_rendering_engine=dd.JinjaRenderingEngine.NATIVE,
        )
    )
    dials = dd.ChatCompletionInferenceParams(max_parallel_requests=job.concurrency, temperature=0.7, max_tokens=1024)
    model = dd.ModelConfig(alias="canned", model="canned", provider="local", inference_parameters=dials, skip_health_check=True)
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    questions = pandas.DataFrame({"question": [job.question(number)[-1]["content"] for number in range(job.calls)]})
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=questions))
    builder.add_column(dd.LLMTextColumnConfig(name="answer", model_alias="canned", prompt="{{ question }}"))
    rows = designer.create(builder, num_records=job.calls).load_dataset()
    return int((rows["answer"] == job.answer).sum())


if __name__ == "__main__":
    job = Job.given()
    job.finish(main(job))
