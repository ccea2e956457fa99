//! Tables and lists of fields, as text for people. What a gateway sends can't move the cursor or change colours.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};

/// Rows below a header, in columns.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.force_no_tty();
    }
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table)
}

/// Fields, one a line.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    for (name, value) in fields {
        table.add_row([(*name).to_owned(), line(value)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table)
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// The text on one line, its control characters written out.
pub(crate) fn line(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

/// The text with its lines, its other control characters written out.
pub(crate) fn lines(text: &str) -> String {
    text.chars().flat_map(|letter| if letter == '\n' { vec!['\n'] } else { visible(letter) }).collect()
}

fn visible(letter: char) -> Vec<char> {
    if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }
}

/// So many of something.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// An instant to the second, as people read it; `--json` has it whole.
pub(crate) fn moment(at: &str) -> String {
    let whole = at.split_once('.').map(|(whole, _)| format!("{whole}Z"));
    whole.filter(|_| at.ends_with('Z')).unwrap_or_else(|| at.to_owned())
}

/// A number of bytes, in powers of 1024.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_to_the_second() {
        assert_eq!(moment("2026-11-24T07:24:45.321803Z"), "2026-11-24T07:24:45Z");
        assert_eq!(moment("2026-11-24T07:24:45Z"), "2026-11-24T07:24:45Z");
        assert_eq!(moment("never"), "never");
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(line("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(lines("a\u{7}\nb"), "a\\u{7}\nb");
    }

    #[test]
    fn a_table_has_no_borders_and_no_space_at_the_ends_of_lines() {
        let rows = vec![vec!["1".to_owned(), "a".to_owned()], vec!["22".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "NAME"], rows), "ID  NAME\n1   a\n22");
    }
}
