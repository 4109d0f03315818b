"""The report of the demonstration: the verdict first, then the maps, then every score with what it means."""

from __future__ import annotations

from pathlib import Path

from gwsa.gwsa_plugin.core.files.html_report import Figure, Section, Table, write_report

STAGE_REPORTS = {
    "Gap filling: errors on hidden months, method by method": "gapfill.html",
    "Downscaling: held-out skill by region, predictors, closure": "downscale.html",
    "Wells: trends at each well, maps and charts": "wells.html",
}
MEANING = {
    "truth": "Skill. The sample world knows its groundwater at 1 km. Each pixel and month is scored with models that "
    "saw neither its coarse cell nor its month. No model is the coarse field smoothed so that every cell keeps its "
    "mean: what is gained over it is owed to the predictors. The oracle knows all that can be explained of the truth; "
    "what it still misses is noise of the coarse field and detail that no predictor shows.",
    "wells": "Skill. Trends of storage at wells that no stage before has seen, with their own errors of level and "
    "specific yield, against those of three fields at the same place and months. R² is the squared correlation.",
    "gapfill": "Skill. The months that have no GRACE solution, among them the eleven between the two missions, against "
    "the total storage of the sample world without noise. The rival knows a trend and a seasonal cycle.",
    "closure": "Not skill. The 1 km field averaged back to 0.25° against the coarse field it was made from. The "
    "correction makes it exact whatever the model does: mass is conserved, and nothing is said about the detail.",
}


def write_demo_report(path: Path, scores: dict, pictures: list[Figure]) -> None:
    """``pictures``: the coarse map beside the 1 km one, and the 1 km one beside the truth."""
    sections = [
        Section(table.caption, [MEANING[name]], tables=[Table("", table.header, table.rows)])
        for name, table in score_tables(scores).items()
    ]
    sections[0].figures.append(pictures[1])
    links = Section("Reports of the stages", links=STAGE_REPORTS)
    write_report(
        path,
        "GWSA on a sample world",
        verdict(scores),
        [Section("The map", figures=pictures[:1]), *sections, links],
    )


def verdict(scores: dict) -> str:
    """What the 1 km field gains over its rivals, in three sentences."""
    truth, wells, gaps = scores["truth"], scores["wells"], scores["gapfill"]
    return (
        f"In cells and months that no model has seen, the 1 km field misses the truth by {truth['rmse_cm']:.2f} cm, "
        f"bilinear interpolation by {truth['rmse_bilinear_cm']:.2f} cm, the coarse field without a model by "
        f"{truth['rmse_mean_preserving_cm']:.2f} cm and an oracle by {truth['rmse_oracle_cm']:.2f} cm: "
        f"{truth['oracle_skill']:.0%} of the way from no model to the oracle. "
        f"It agrees with the trends of {wells['n']} wells with R² {wells['r2']:.2f}, bilinear interpolation with "
        f"{wells['bilinear']['r2']:.2f} and the coarse field with {wells['coarse']['r2']:.2f}. "
        f"Filled months miss the truth by {gaps['rmse_cm']:.2f} cm, trend and seasons alone by "
        f"{gaps['rmse_baseline_cm']:.2f} cm."
    )


def score_tables(scores: dict) -> dict[str, Table]:
    """Kind of score -> its table; the same on the screen and in the report."""
    truth, wells, gaps = scores["truth"], scores["wells"], scores["gapfill"]
    return {
        "truth": Table(
            "Against the truth, in cells and months that no model has seen",
            ["", "RMSE (cm)", "correlation"],
            [
                ["1 km", truth["rmse_cm"], truth["r"]],
                ["bilinear interpolation", truth["rmse_bilinear_cm"], truth["r_bilinear"]],
                ["no model", truth["rmse_mean_preserving_cm"], None],
                ["oracle", truth["rmse_oracle_cm"], None],
            ],
        ),
        "wells": Table(
            f"Trends at {wells['n']} wells",
            ["", "R²", "RMSE (cm/yr)"],
            [
                [name, score["r2"], score["rmse_cm_per_yr"]]
                for name, score in (
                    ("1 km", wells),
                    ("bilinear", wells["bilinear"]),
                    ("coarse", wells["coarse"]),
                )
            ],
        ),
        "gapfill": Table(
            "Months without a GRACE solution, against the truth",
            ["", "RMSE (cm)"],
            [["as filled", gaps["rmse_cm"]], ["trend and seasons alone", gaps["rmse_baseline_cm"]]],
        ),
        "closure": Table(
            "Closure: averaged back to 0.25°, against the input",
            ["", "NSE", "RMSE (cm)"],
            [
                [name, scores[key]["nse"], scores[key]["rmse_cm"]]
                for name, key in (("before the correction", "closure_raw"), ("after it", "closure"))
            ],
        ),
    }
