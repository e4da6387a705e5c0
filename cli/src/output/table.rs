//! Tables without borders: columns, and a line above them that names them.

use comfy_table::{ContentArrangement, Table as Grid, presets};

use super::{Ink, Style, mark, plain};

/// A table. The cells are made [`plain`], their line breaks stay.
#[derive(Debug)]
pub struct Table {
    grid: Grid,
    style: Style,
    has_marks: bool,
}

impl Table {
    /// With these columns.
    pub fn new<const N: usize>(style: Style, columns: [&str; N]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        if let Some(width) = style.width {
            // Narrower than this, breaking words helps nobody.
            grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(60));
        }
        grid.set_header(columns);
        for column in grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self { grid, style, has_marks: columns.first().is_some_and(|name| name.is_empty()) }
    }

    /// One row; a cell may have several lines.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.grid.add_row(cells.map(|cell| cell.split('\n').map(plain).collect::<Vec<_>>().join("\n")));
    }

    /// No row yet.
    pub fn is_empty(&self) -> bool {
        self.grid.row_count() == 0
    }

    /// Drawn. Colour is laid on afterwards, or it would count as width: the names of the columns, and the marks of the first column
    /// if that has no name.
    pub fn draw(&self) -> String {
        let drawn = self.grid.to_string();
        let mut lines = Vec::new();
        for (index, line) in drawn.lines().map(str::trim_end).enumerate() {
            lines.push(if index == 0 { self.style.ink(Ink::Faint, line) } else { self.paint(line) });
        }
        lines.join("\n")
    }

    fn paint(&self, line: &str) -> String {
        let first = line.chars().next().filter(|c| self.has_marks && !c.is_whitespace());
        let Some(first) = first else { return line.to_owned() };
        let rest = line.get(first.len_utf8()..).unwrap_or_default();
        match STATES.iter().map(|state| mark(state)).find(|(mark, _)| *mark == first) {
            Some((_, ink)) => format!("{}{rest}", self.style.ink(ink, &first.to_string())),
            None => line.to_owned(),
        }
    }
}

/// A state of each mark.
const STATES: [&str; 6] = ["approved", "rejected", "blocked", "open", "returned", "waiting"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_names_and_lines_in_their_cells() {
        let mut table = Table::new(Style::default(), ["STEP", "WHO"]);
        table.row(["legal".to_owned(), "bob: approve\ncarol: re\u{1b}[0mject".to_owned()]);
        assert_eq!(table.draw(), "STEP   WHO\nlegal  bob: approve\n       carol: re\\u{1b}[0mject");
    }

    #[test]
    fn colour_changes_no_width() {
        let draw = |colour| {
            let mut table = Table::new(Style { colour, ..Style::default() }, ["", "STEP"]);
            table.row(["✓".to_owned(), "✓ mine".to_owned()]);
            table.draw()
        };
        assert_eq!(draw(false), "   STEP\n✓  ✓ mine");
        assert_eq!(draw(true), "\u{1b}[2m   STEP\u{1b}[0m\n\u{1b}[32m✓\u{1b}[0m  ✓ mine");
    }

    #[test]
    fn a_narrow_terminal_breaks_cells_not_columns() {
        let mut table = Table::new(Style { width: Some(60), ..Style::default() }, ["STEP", "WHO"]);
        table.row(["legal".to_owned(), "word ".repeat(20)]);
        assert!(table.draw().lines().all(|line| line.chars().count() <= 60));
    }
}
