"""Classifies a Parquet table of pictures on a Spark cluster; results go to another table."""

import argparse
import pathlib
import time

from pyspark.sql import SparkSession, functions

import classifier


def main():
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("master", "model", "labels", "pictures", "results"):
        options.add_argument(f"--{name}", required=True)
    options.add_argument("--passes", type=int, default=1, help="more than one shows what starting costs")
    options = options.parse_args()

    session = (
        SparkSession.builder.appName("classify pictures").master(options.master)
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 32)  # pictures in memory at a time
        .config("spark.scheduler.minRegisteredResourcesRatio", 1)  # starts when all executors are there: the rates are of all
        .config("spark.executor.memory", "1g").config("spark.ui.enabled", False).config("spark.ui.showConsoleProgress", False)
        .getOrCreate()
    )
    context = session.sparkContext
    context.addPyFile(str(pathlib.Path(classifier.__file__).resolve()))

    labels = pathlib.Path(options.labels).read_text().splitlines()
    model = context.broadcast(pathlib.Path(options.model).read_bytes())  # sent to each executor once, however many tasks
    pictures = session.read.parquet(options.pictures)
    count = pictures.count()
    # Parts smaller than a core's share, so that nobody waits long for the last one.
    parts = pictures.repartition(4 * context.defaultParallelism)

    for number in range(options.passes):
        start = time.perf_counter()
        found = parts.mapInPandas(lambda batches: classifier.classify(batches, model, labels), classifier.COLUMNS)
        found.write.mode("overwrite").parquet(options.results)
        seconds = time.perf_counter() - start
        print(f"pass {number + 1}: {count} pictures in {seconds:.1f} s, {count / seconds:.0f} per second")

    results = session.read.parquet(options.results)
    processes = results.select("process").distinct().count()
    models = results.select("process", "model_built").distinct().count()
    print(f"models built: {models}, Python processes: {processes}")
    for row in results.groupBy("label").count().orderBy(functions.desc("count")).where("label is not null").limit(5).collect():
        print(f"{row['count']:5d}  {row['label']}")
    for row in results.where("error is not null").collect():
        print(f"{row['name']}: {row['error']}")
    session.stop()


if __name__ == "__main__":
    main()
