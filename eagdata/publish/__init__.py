"""Publishing: Parquet shards, the dataset card, the manifest. Every file appears under its name whole, or not at all."""
