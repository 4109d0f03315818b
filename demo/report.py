"""HTML report of the demonstration: summary, maps and scores with explanations."""

from __future__ import annotations

from pathlib import Path

from gwsa.gwsa_plugin.core.files.html_report import Figure, Section, Table, write_report

STAGE_REPORTS = {
    "Gap filling: errors of each method in artificial gaps": "gapfill.html",
    "Downscaling: held-out skill by region, predictors, closure": "downscale.html",
    "Wells: trends at each well, maps and charts": "wells.html",
}
# Explanation of each table of scores.
MEANING = {
    "truth": (
        "Skill. The groundwater of the sample world is known at 1 km. Each pixel and month is "
        "predicted by models that were trained without its coarse cell and its month. "
        "Mean-preserving interpolation is smooth and keeps the mean of every cell; it uses no "
        "predictor, so the difference to it is the contribution of the predictors. The oracle is "
        "the part of the truth that the predictors can explain, corrected to the coarse field. Its "
        "remaining error is noise of the coarse field and detail that no predictor contains."
    ),
    "wells": (
        "Skill. Trends of storage at wells that were not used in any earlier stage, compared with "
        "three fields at the same location and months. The well data contain errors of level and "
        "specific yield. R² is the squared correlation."
    ),
    "gapfill": (
        "Skill. Months without a GRACE solution, including the eleven months between the two "
        "missions, compared with the TWSA of the sample world as GRACE would observe it without "
        "noise. The reference method is a trend and a seasonal cycle."
    ),
    "closure": (
        "Not skill. The 1 km field averaged to 0.25°, compared with the coarse field from which it "
        "was made. The correction makes the agreement exact for any model. This shows that mass is "
        "conserved, but not whether the detail is right."
    ),
}


def write_demo_report(path: Path, scores: dict, pictures: list[Figure]) -> None:
    """Write the report.

    Parameters
    ----------
    path : Path
        The HTML file to write.
    scores : dict
        As returned by ``collect_scores``.
    pictures : list of Figure
        The coarse and the 1 km map, and the 1 km map and the truth.
    """
    sections = [
        Section(table.caption, [MEANING[name]], tables=[Table("", table.header, table.rows)])
        for name, table in score_tables(scores).items()
    ]
    sections[0].figures.append(pictures[1])
    links = Section("Reports of the stages", links=STAGE_REPORTS)
    write_report(
        path,
        "GWSA on a sample world",
        summary(scores),
        [Section("Map", figures=pictures[:1]), *sections, links],
    )


def summary(scores: dict) -> str:
    """Summarise the verdict on the 1 km field, its skill, and that of trends and gap filling.

    Parameters
    ----------
    scores : dict
        As returned by ``collect_scores``.

    Returns
    -------
    str
        A few sentences.
    """
    truth = scores["truth"]
    wells = scores["wells"]
    gaps = scores["gapfill"]
    skill = truth["oracle_skill"]
    recovered = (
        f"The maps recover {100 * skill:.0f} % of the improvement that the predictors allow."
        if skill >= 0
        else "The maps are no improvement over mean-preserving interpolation."
    )
    return (
        f"{scores['verdict']} "
        "In cells and months that were not used for training, the RMSE of the 1 km field is "
        f"{truth['rmse_cm']:.2f} cm. It is {truth['rmse_bilinear_cm']:.2f} cm for bilinear "
        f"interpolation, {truth['rmse_mean_preserving_cm']:.2f} cm for mean-preserving "
        f"interpolation and {truth['rmse_oracle_cm']:.2f} cm for the oracle. {recovered} The "
        f"squared correlation with the trends of {wells['n']} wells is {wells['r2']:.2f} for the "
        f"1 km field, {wells['bilinear']['r2']:.2f} for bilinear interpolation and "
        f"{wells['coarse']['r2']:.2f} for the coarse field. The RMSE of filled months is "
        f"{gaps['rmse_cm']:.2f} cm, and {gaps['rmse_baseline_cm']:.2f} cm with only a trend and a "
        "seasonal cycle."
    )


def score_tables(scores: dict) -> dict[str, Table]:
    """Build the tables of scores for the screen and the report.

    Parameters
    ----------
    scores : dict
        As returned by ``collect_scores``.

    Returns
    -------
    dict of str to Table
        The keys are those of ``MEANING``.
    """
    truth = scores["truth"]
    wells = scores["wells"]
    gaps = scores["gapfill"]
    return {
        "truth": Table(
            "Errors against the truth, in cells and months that were not used for training",
            ["", "RMSE (cm)", "correlation"],
            [
                ["1 km", truth["rmse_cm"], truth["r"]],
                ["bilinear interpolation", truth["rmse_bilinear_cm"], truth["r_bilinear"]],
                ["mean-preserving interpolation", truth["rmse_mean_preserving_cm"], None],
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
            "Errors of filled months against the truth",
            ["", "RMSE (cm)"],
            [
                ["selected method", gaps["rmse_cm"]],
                ["trend and seasonal cycle only", gaps["rmse_baseline_cm"]],
            ],
        ),
        "closure": Table(
            "Closure: 1 km field averaged to 0.25°, against the coarse input",
            ["", "NSE", "RMSE (cm)"],
            [
                [name, scores[key]["nse"], scores[key]["rmse_cm"]]
                for name, key in (
                    ("before the correction", "closure_raw"),
                    ("after the correction", "closure"),
                )
            ],
        ),
    }
