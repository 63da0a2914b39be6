//! kubectl's tables on a terminal that is narrower than they are: the gaps shrink, then the widest column; where that
//! is not enough, its text goes below its row.

/// The least that is left of the widest column before it goes below.
const LEAST: usize = 16;

/// The table in lines of at most `width` columns where that can be done; otherwise as it is.
pub(super) fn fitted(text: &str, width: usize) -> Vec<String> {
    let as_it_is: Vec<String> = text.lines().map(str::to_owned).collect();
    let widest_line = as_it_is.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let rows = cells(&as_it_is);
    let columns = rows.first().map_or(0, Vec::len);
    if widest_line <= width || columns < 2 {
        return as_it_is;
    }
    let size =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let mut sizes: Vec<usize> = (0..columns).map(size).collect();
    let Some(widest) = (0..columns).rev().max_by_key(|column| size(*column)) else { return as_it_is };
    let others: usize = sizes.iter().sum::<usize>() - size(widest);
    let room = width.saturating_sub(others + columns - 1);
    let is_below = room < LEAST;
    if let Some(size) = sizes.get_mut(widest) {
        *size = if is_below { 0 } else { room };
    }
    // without it they may still be too wide
    let excess = (sizes.iter().sum::<usize>() + columns - 2).saturating_sub(width);
    if let Some(size) = sizes.iter_mut().max().filter(|_| is_below) {
        *size = size.saturating_sub(excess).max(1);
    }
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let shown = row.iter().zip(&sizes).enumerate().filter(|(column, _)| !is_below || *column != widest);
        let line: Vec<String> = shown.map(|(_, (cell, size))| format!("{:<size$}", cut(cell, *size))).collect();
        lines.push(line.join(" ").trim_end().to_owned());
        let below = row.get(widest).filter(|cell| is_below && index > 0 && !cell.is_empty());
        lines.extend(below.map(|cell| format!("    {}", cut(cell, width.saturating_sub(4)))));
    }
    lines
}

/// The cells of a table whose columns begin where its headings do: kubectl sets them apart by three blanks.
fn cells(lines: &[String]) -> Vec<Vec<String>> {
    let heading: Vec<char> = lines.first().map(|line| line.chars().collect()).unwrap_or_default();
    let is_start = |at: &usize| {
        let blank = |i: usize| heading.get(i).is_none_or(|c| *c == ' ');
        !blank(*at) && (*at == 0 || *at >= 2 && blank(at - 1) && blank(at - 2))
    };
    let starts: Vec<usize> = (0..heading.len()).filter(is_start).collect();
    let row = |line: &String| {
        let chars: Vec<char> = line.chars().collect();
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let cell =
            |(from, to): (&usize, usize)| chars.iter().take(to).skip(*from).collect::<String>().trim().to_owned();
        starts.iter().zip(ends).map(cell).collect()
    };
    lines.iter().map(row).collect()
}

/// At most `size` characters, the last of them an ellipsis if some were left out.
fn cut(text: &str, size: usize) -> String {
    if text.chars().count() <= size {
        return text.to_owned();
    }
    text.chars().take(size.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "NAME   WAITING FOR                      BY      AGE\n\
                         one    a long text that says something  maria   3s\n\
                         two                                     joe     4s";

    #[test]
    fn a_table_that_fits_is_left_alone() {
        assert_eq!(fitted(TABLE, 80).join("\n"), TABLE);
    }

    #[test]
    fn the_widest_column_shrinks_and_the_others_stay_whole() {
        let lines = fitted(TABLE, 40);
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:?}");
        assert!(
            lines[1].contains("a long text") && lines[1].contains('…') && lines[1].ends_with("maria 3s"),
            "{lines:?}"
        );
    }

    #[test]
    fn what_is_left_then_fits() {
        let lines = fitted("A                    B                  C\naaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbb   c", 15);
        assert!(lines.iter().all(|line| line.chars().count() <= 15), "{lines:?}");
    }

    #[test]
    fn or_goes_below() {
        let lines = fitted(TABLE, 30);
        assert_eq!(lines, ["NAME BY    AGE", "one  maria 3s", "    a long text that says som…", "two  joe   4s"]);
    }
}
