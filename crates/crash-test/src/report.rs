//! The result, as tables for people and as JSON for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};
use toolfront_crash_test::Summary;

/// Three tables: what was done, what was checked, what came of it.
pub(crate) fn table(summary: &Summary) -> String {
    let mut operations = new(&["operation", "sent", "acknowledged", "refused", "unanswered"]);
    for (name, counts) in &summary.operations {
        let counts = counts.iter().map(ToString::to_string);
        operations.add_row([(*name).to_owned()].into_iter().chain(counts));
    }
    let mut checks = new(&["promise", "checked", "broken"]);
    for (promise, count) in &summary.checks {
        let broken = summary.violations.iter().filter(|violation| violation.promise == *promise).count();
        checks.add_row([promise.to_string(), count.to_string(), broken.to_string()]);
    }
    for table in [&mut operations, &mut checks] {
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    }
    let verdict = match summary.violations.len() {
        0 => "nothing was lost, and nothing dead was let in".to_owned(),
        1 => "1 promise was broken".to_owned(),
        many => format!("{many} promises were broken"),
    };
    format!(
        "{operations}\n\n{checks}\n\n{} rounds in {:.0} s, seed {:016x}: {verdict}\n",
        summary.rounds,
        summary.took.as_secs_f64(),
        summary.seed
    )
}

fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().set_header(header.iter().copied());
    table
}

/// The same as one JSON object.
pub(crate) fn json(summary: &Summary) -> Value {
    let operations = summary.operations.iter().map(|(name, [sent, acknowledged, refused, unanswered])| {
        let counts = json!({
            "sent": sent, "acknowledged": acknowledged, "refused": refused, "unanswered": unanswered,
        });
        ((*name).to_owned(), counts)
    });
    let checks = summary.checks.iter().map(|(promise, count)| (promise.slug().to_owned(), json!(count)));
    let violations = summary.violations.iter().map(|violation| {
        json!({ "promise": violation.promise.slug(), "round": violation.round, "seen": violation.seen })
    });
    json!({
        "seed": format!("{:016x}", summary.seed),
        "rounds": summary.rounds,
        "seconds": summary.took.as_secs_f64(),
        "operations": operations.collect::<Map<_, _>>(),
        "checks": checks.collect::<Map<_, _>>(),
        "violations": violations.collect::<Vec<_>>(),
    })
}
