//! How the demo writes: chapters, sentences, commands, what they say, and events. Colours only on a terminal, and not
//! where `NO_COLOR` is set; sentences are wrapped to its width, and kubectl's tables fitted.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use super::table;

const WIDTH: usize = 100;
/// Of a cell in a table that grows.
const CELL: usize = 10;

/// Styles by what they mean.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Heading,
    Command,
    Good,
    Bad,
    Faint,
    Plain,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Command => "1;36",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Faint => "2",
            Self::Plain => "",
        }
    }
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Paper {
    colours: bool,
    /// Of the terminal, if it is one.
    columns: Option<usize>,
    /// Of sentences.
    width: usize,
    begun: Instant,
}

impl Paper {
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        let columns = Some(columns).filter(|columns| is_terminal && *columns >= 60);
        let width = columns.map_or(WIDTH, |columns| columns.min(WIDTH));
        Self { colours: is_terminal && !is_dumb && !is_refused, columns, width, begun: Instant::now() }
    }

    /// Seconds since the demo began.
    pub(super) fn elapsed(&self) -> f32 {
        self.begun.elapsed().as_secs_f32()
    }

    pub(super) fn title(&self, text: &str) {
        self.put("", text, Ink::Heading);
    }

    pub(super) fn chapter(&self, text: &str) {
        self.write("");
        self.put("", &format!("── {text}"), Ink::Heading);
    }

    /// A sentence of the teller's.
    pub(super) fn say(&self, text: &str) {
        self.put("", text, Ink::Plain);
    }

    /// A command, as a person would type it.
    pub(super) fn command(&self, line: &str) {
        self.write(&format!("  {} {}", self.ink("$", Ink::Faint), self.ink(line, Ink::Command)));
    }

    /// What a command said, line by line.
    pub(super) fn output(&self, text: &str) {
        for (index, table) in text.trim_end().split("\n\n").enumerate() {
            if index > 0 {
                self.write("");
            }
            let width = self.columns.map_or(usize::MAX, |columns| columns - 2);
            table::fitted(table, width).iter().for_each(|line| self.write(&format!("  {line}")));
        }
    }

    /// Lines as they are.
    pub(super) fn lines(&self, lines: &[String]) {
        lines.iter().for_each(|line| self.write(&format!("  {line}")));
    }

    /// An event, with the second at which it was seen.
    pub(super) fn event(&self, reason: &str, message: &str, is_warning: bool) {
        let at = format!("{:>6.1}s", self.elapsed());
        let ink = if is_warning { Ink::Bad } else { Ink::Good };
        let head = format!("  {} {} ", self.ink(&at, Ink::Faint), self.ink(&format!("{reason:<10}"), ink));
        self.hang(&head, 2 + at.len() + 1 + reason.len().max(10) + 1, message, Ink::Plain);
    }

    /// What a release waits for, under the same second.
    pub(super) fn waits(&self, message: &str) {
        let head = format!("  {} {} ", self.ink(&format!("{:>6.1}s", self.elapsed()), Ink::Faint), " ".repeat(10));
        self.hang(&head, 21, message, Ink::Faint);
    }

    /// A line of a table that grows, with the second at which it ended; the heading has none.
    pub(super) fn row(&self, cells: &[String], is_heading: bool) {
        let at = if is_heading { " ".repeat(7) } else { format!("{:>6.1}s", self.elapsed()) };
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>CELL$}")).collect();
        let ink = if is_heading { Ink::Faint } else { Ink::Plain };
        self.write(&format!("  {} {}", self.ink(&at, Ink::Faint), self.ink(&cells.join(" "), ink)));
    }

    /// Something that was looked at and is so.
    pub(super) fn seen(&self, text: &str) {
        self.hang(&format!("  {} ", self.ink("✔", Ink::Good)), 4, text, Ink::Plain);
    }

    fn put(&self, indent: &str, text: &str, ink: Ink) {
        for line in wrapped(text, self.width - indent.len()) {
            self.write(&format!("{indent}{}", self.ink(&line, ink)));
        }
    }

    /// Text behind a head of `taken` columns; further lines stand under the text.
    fn hang(&self, head: &str, taken: usize, text: &str, ink: Ink) {
        let lines = wrapped(text, self.width.saturating_sub(taken).max(20));
        for (index, line) in lines.iter().enumerate() {
            let before = if index == 0 { head.to_owned() } else { " ".repeat(taken) };
            self.write(&format!("{before}{}", self.ink(line, ink)));
        }
    }

    fn ink(&self, text: &str, ink: Ink) -> String {
        if !self.colours || ink.code().is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", ink.code())
    }

    /// A closed pipe (`| head`) is no reason to fail.
    fn write(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// The words of a text in lines of at most `width` columns; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("averylongword b", 5), ["averylongword", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
