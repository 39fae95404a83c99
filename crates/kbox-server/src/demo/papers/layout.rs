// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Sets a text with a small markup on A4 pages.
//!
//! `# ` title, `## ` heading, `- ` and `1. ` items, `| ` table rows (the first one is the header; `|= ` is a total),
//! `>> ` signature, `>>> ` centred line, `**bold**`; anything else is a paragraph.

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

use super::PaperError;

// A4 and its margins, in points. The measure is about 75 characters, as for a book.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const LEFT: f32 = 76.0;
const RIGHT: f32 = WIDTH - 76.0;
const TOP: f32 = 64.0;
const BOTTOM: f32 = HEIGHT - 80.0;
const SIZE: f32 = 11.0;
const LEADING: f32 = 15.5;
const INDENT: f32 = 20.0;
const ROW: f32 = 18.0;

/// Red, green, blue.
type Ink = (u8, u8, u8);
const INK: Ink = (26, 26, 26);
const BLUE: Ink = (0, 51, 102);
const GREY: Ink = (96, 96, 96);

static REGULAR: &[u8] = include_bytes!("../../../fonts/LiberationSerif-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../../fonts/LiberationSerif-Bold.ttf");

/// A font to draw with and to measure with.
struct Face {
    font: Font,
    shaper: rustybuzz::Face<'static>,
}

impl Face {
    fn load(data: &'static [u8]) -> Result<Self, PaperError> {
        Ok(Self {
            font: Font::new(data.into(), 0).ok_or(PaperError::Font)?,
            shaper: rustybuzz::Face::from_slice(data, 0).ok_or(PaperError::Font)?,
        })
    }

    /// The width of a text as krilla draws it, which shapes with the same library.
    fn width(&self, text: &str, size: f32) -> f32 {
        let mut buffer = rustybuzz::UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(rustybuzz::Direction::LeftToRight);
        let shaped = rustybuzz::shape(&self.shaper, &[], buffer);
        let units: f32 = shaped
            .glyph_positions()
            .iter()
            .map(|glyph| glyph.x_advance as f32)
            .sum();
        units / self.shaper.units_per_em() as f32 * size
    }
}

/// The fonts of the papers.
pub(super) struct Fonts {
    regular: Face,
    bold: Face,
}

impl Fonts {
    pub(super) fn load() -> Result<Self, PaperError> {
        Ok(Self {
            regular: Face::load(REGULAR)?,
            bold: Face::load(BOLD)?,
        })
    }

    fn face(&self, bold: bool) -> &Face {
        if bold { &self.bold } else { &self.regular }
    }
}

/// What stands on every page beside the text.
pub(super) struct Sheet<'a> {
    pub(super) title: &'a str,
    pub(super) commune: &'a str,
    pub(super) siren: &'a str,
}

/// Something placed on a page; y is the baseline, from the top.
enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        bold: bool,
        color: Ink,
        text: String,
    },
    Rule {
        x: f32,
        end: f32,
        y: f32,
        width: f32,
        color: Ink,
    },
}

type Page = Vec<Mark>;

/// One line: pieces of text in regular or bold.
type Line = Vec<(bool, String)>;

struct Setter<'a> {
    fonts: &'a Fonts,
    pages: Vec<Page>,
    page: Page,
    /// Bottom of what is set so far.
    y: f32,
}

impl Setter<'_> {
    fn next_page(&mut self) {
        self.pages.push(core::mem::take(&mut self.page));
        self.y = TOP;
    }

    /// Starts a new page unless `height` still fits.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.next_page();
        }
    }

    fn gap(&mut self, height: f32) {
        // No white space on top of a page.
        if self.y > TOP {
            self.y += height;
        }
    }

    fn put(&mut self, x: f32, y: f32, size: f32, bold: bool, color: Ink, text: &str) {
        self.page.push(Mark::Text {
            x,
            y,
            size,
            bold,
            color,
            text: text.to_owned(),
        });
    }

    fn rule(&mut self, y: f32, width: f32, color: Ink) {
        self.page.push(Mark::Rule {
            x: LEFT,
            end: RIGHT,
            y,
            width,
            color,
        });
    }

    fn line_width(&self, line: &Line, size: f32) -> f32 {
        line.iter()
            .map(|(bold, text)| self.fonts.face(*bold).width(text, size))
            .sum()
    }

    fn draw_line(&mut self, line: &Line, x: f32, y: f32, size: f32, color: Ink) {
        let mut x = x;
        for (bold, text) in line {
            self.put(x, y, size, *bold, color, text);
            x += self.fonts.face(*bold).width(text, size);
        }
    }

    /// Breaks a text at its spaces into lines no wider than `measure`.
    fn wrap(&self, text: &str, measure: f32, size: f32, all_bold: bool) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut line: Line = Vec::new();
        let mut used = 0.0;
        for (index, span) in text.split("**").enumerate() {
            let bold = all_bold || index % 2 == 1;
            let face = self.fonts.face(bold);
            for (place, word) in span.split(' ').enumerate() {
                let spaced = if place > 0 {
                    format!(" {word}")
                } else {
                    word.to_owned()
                };
                let width = face.width(&spaced, size);
                if place > 0 && used + width > measure && !line.is_empty() {
                    lines.push(core::mem::take(&mut line));
                    used = face.width(word, size);
                    line.push((bold, word.to_owned()));
                    continue;
                }
                used += width;
                match line.last_mut() {
                    Some((last, text)) if *last == bold => text.push_str(&spaced),
                    _ => line.push((bold, spaced)),
                }
            }
        }
        lines.push(line);
        lines
    }

    fn paragraph(&mut self, text: &str, indent: f32) {
        let lines = self.wrap(text, RIGHT - LEFT - indent, SIZE, false);
        let count = lines.len();
        for (index, line) in lines.into_iter().enumerate() {
            // Neither the first line alone at the foot of a page nor the last alone at the head of the next.
            let together = if count <= 3 && index == 0 {
                count
            } else if index == 0 || index + 2 == count {
                2
            } else {
                1
            };
            self.need(LEADING * together as f32);
            self.y += LEADING;
            self.draw_line(&line, LEFT + indent, self.y - 4.0, SIZE, INK);
        }
    }

    fn title(&mut self, text: &str) {
        self.gap(10.0);
        for line in self.wrap(text, RIGHT - LEFT, 19.0, true) {
            self.y += 24.0;
            self.draw_line(&line, LEFT, self.y - 6.0, 19.0, BLUE);
        }
        self.y += 8.0;
    }

    /// A heading stays with at least three lines of what it announces, or with the whole of a table of `rows`.
    fn heading(&mut self, text: &str, rows: usize) {
        self.gap(11.0);
        let lines = self.wrap(text, RIGHT - LEFT, 12.5, true);
        let announced = if rows > 0 {
            table_height(rows)
        } else {
            3.0 * LEADING
        };
        self.need(17.0 * lines.len() as f32 + 3.0 + announced);
        for line in lines {
            self.y += 17.0;
            self.draw_line(&line, LEFT, self.y - 4.0, 12.5, BLUE);
        }
        self.y += 3.0;
    }

    fn item(&mut self, label: &str, text: &str) {
        self.gap(1.5);
        let (page, y) = (self.pages.len(), self.y);
        self.paragraph(text, INDENT);
        // The label goes beside the first line, which may have moved to the next page.
        let (y, moved) = if self.pages.len() > page && self.page_start_was_item(page, y) {
            (TOP, true)
        } else {
            (y, false)
        };
        let mark = Mark::Text {
            x: LEFT + INDENT - 6.0 - self.fonts.regular.width(label, SIZE),
            y: y + LEADING - 4.0,
            size: SIZE,
            bold: false,
            color: INK,
            text: label.to_owned(),
        };
        if moved || self.pages.len() == page {
            self.page.push(mark);
        } else if let Some(before) = self.pages.get_mut(page) {
            before.push(mark);
        }
        self.y += 3.0;
    }

    /// Did nothing of the last paragraph fit on page `page` below `y`?
    fn page_start_was_item(&self, page: usize, y: f32) -> bool {
        let below = |mark: &Mark| matches!(mark, Mark::Text { y: at, .. } if *at > y);
        self.pages
            .get(page)
            .is_none_or(|marks| !marks.iter().any(below))
    }

    fn table(&mut self, rows: &[&str]) {
        const COLUMN: f32 = 86.0;
        self.gap(4.0);
        self.need(table_height(rows.len()) - 4.0);
        self.y += 4.0;
        for (index, row) in rows.iter().enumerate() {
            let total = row.starts_with("|=");
            let bold = index == 0 || total;
            let cells: Vec<&str> = row
                .trim_start_matches("|=")
                .trim_start_matches('|')
                .split('|')
                .collect();
            if total {
                self.rule(self.y, 0.6, GREY);
            }
            self.y += ROW;
            let baseline = self.y - 5.5;
            for (column, cell) in cells.iter().enumerate() {
                let cell = cell.trim();
                let x = if column == 0 {
                    LEFT
                } else {
                    let from_end = (cells.len() - 1 - column) as f32;
                    RIGHT - from_end * COLUMN - self.fonts.face(bold).width(cell, SIZE - 0.5)
                };
                self.put(x, baseline, SIZE - 0.5, bold, INK, cell);
            }
            if index == 0 {
                self.rule(self.y, 0.9, BLUE);
            }
        }
        self.rule(self.y + 1.0, 0.9, BLUE);
        self.y += 10.0;
    }

    fn letterhead(&mut self, sheet: &Sheet<'_>) {
        self.y = TOP - 8.0;
        self.put(LEFT, self.y, 9.0, false, GREY, "RÉPUBLIQUE FRANÇAISE");
        let siren = group(sheet.siren);
        if !siren.is_empty() {
            let text = format!("SIREN {siren}");
            let x = RIGHT - self.fonts.regular.width(&text, 9.0);
            self.put(x, self.y, 9.0, false, GREY, &text);
        }
        for line in self.wrap(&typeset(sheet.commune), RIGHT - LEFT, 15.0, true) {
            self.y += 19.0;
            self.draw_line(&line, LEFT, self.y, 15.0, INK);
        }
        self.y += 9.0;
        self.rule(self.y, 1.2, BLUE);
        self.y += 6.0;
    }

    fn body(&mut self, text: &str) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(title) = line.strip_prefix("# ") {
                self.title(title);
            } else if let Some(heading) = line.strip_prefix("## ") {
                let rows = lines
                    .clone()
                    .take_while(|line| line.starts_with('|'))
                    .count();
                self.heading(heading, rows);
            } else if let Some(item) = line.strip_prefix("- ") {
                self.item("–", item);
            } else if let Some((label, item)) = numbered(line) {
                self.item(label, item);
            } else if let Some(centred) = line.strip_prefix(">>> ") {
                for line in self.wrap(centred, RIGHT - LEFT, 12.0, false) {
                    self.need(18.0);
                    self.y += 18.0;
                    let x = (LEFT + RIGHT - self.line_width(&line, 12.0)) / 2.0;
                    self.draw_line(&line, x, self.y - 5.0, 12.0, INK);
                }
            } else if let Some(signature) = line.strip_prefix(">> ") {
                let lines = self.wrap(signature, (RIGHT - LEFT) / 2.0, SIZE, false);
                self.gap(16.0);
                self.need(LEADING * lines.len() as f32);
                for line in lines {
                    self.y += LEADING;
                    let x = RIGHT - self.line_width(&line, SIZE);
                    self.draw_line(&line, x, self.y - 4.0, SIZE, INK);
                }
            } else if line.starts_with('|') {
                let mut rows = vec![line];
                while let Some(row) = lines.next_if(|row| row.starts_with('|')) {
                    rows.push(row);
                }
                self.table(&rows);
            } else if line.trim().is_empty() {
                self.gap(5.0);
            } else {
                self.paragraph(line, 0.0);
            }
        }
    }
}

/// What a table takes, with the space around it; tables of more than 20 rows are not kept together.
fn table_height(rows: usize) -> f32 {
    ROW * rows.min(20) as f32 + 12.0
}

/// Splits `12. text`.
fn numbered(line: &str) -> Option<(&str, &str)> {
    let (label, text) = line.split_once(' ')?;
    let digits = label.strip_suffix('.')?;
    let is_number =
        (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((label, text))
}

/// `218002459` as `218 002 459`, in spaces that do not break.
fn group(siren: &str) -> String {
    let chars: Vec<char> = siren.chars().collect();
    let groups: Vec<String> = chars
        .chunks(3)
        .map(|chunk| chunk.iter().collect())
        .collect();
    groups.join("\u{a0}")
}

/// French typography: curly apostrophes, and no break where a space must hold.
fn typeset(text: &str) -> String {
    let mut text = text.replace('\'', "\u{2019}");
    for mark in [":", ";", "?", "!", "»", "%", "€", "×", "h"] {
        // The hour sign and units are words of their own; a longer word that begins so is not touched.
        for end in [" ", "\n", ",", ".", ")", "*", "|"] {
            text = text.replace(&format!(" {mark}{end}"), &format!("\u{a0}{mark}{end}"));
        }
    }
    text = text
        .replace("« ", "«\u{a0}")
        .replace("n° ", "n°\u{a0}")
        .replace("article L.", "article\u{a0}L.");
    // A number holds together, and holds what it counts: "255 000 €", "18 h 30", "2 décembre".
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (index, &c) in chars.iter().enumerate() {
        let before = index
            .checked_sub(1)
            .and_then(|index| chars.get(index))
            .copied();
        let after = chars.get(index + 1).copied();
        let holds = before.is_some_and(|c| c.is_ascii_digit())
            && after.is_some_and(|c| c.is_ascii_digit() || c.is_lowercase());
        let hour = before == Some('h') && after.is_some_and(|c| c.is_ascii_digit());
        out.push(if c == ' ' && (holds || hour) {
            '\u{a0}'
        } else {
            c
        });
    }
    out
}

/// Sets `text` and writes the PDF.
pub(super) fn pdf(fonts: &Fonts, sheet: &Sheet<'_>, text: &str) -> Result<Vec<u8>, PaperError> {
    let mut setter = Setter {
        fonts,
        pages: Vec::new(),
        page: Vec::new(),
        y: TOP,
    };
    setter.letterhead(sheet);
    setter.body(&typeset(text));
    setter.next_page();

    let mut document = Document::new();
    // No creation date: the same paper has the same digest whenever it is made.
    document.set_metadata(
        Metadata::new()
            .title(format!("{} – {}", sheet.title, sheet.commune))
            .authors(vec![sheet.commune.to_owned()])
            .language("fr-FR".to_owned()),
    );
    let count = setter.pages.len();
    for (index, marks) in setter.pages.iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT)
            .ok_or_else(|| PaperError::Pdf("page size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, fonts, mark);
        }
        foot(&mut surface, fonts, sheet, index + 1, count);
        surface.finish();
        page.finish();
    }
    document
        .finish()
        .map_err(|error| PaperError::Pdf(format!("{error:?}")))
}

fn foot(surface: &mut Surface<'_>, fonts: &Fonts, sheet: &Sheet<'_>, number: usize, count: usize) {
    let y = HEIGHT - 46.0;
    let text = |x, text: String, bold, color| Mark::Text {
        x,
        y,
        size: 8.5,
        bold,
        color,
        text,
    };
    draw(
        surface,
        fonts,
        &Mark::Rule {
            x: LEFT,
            end: RIGHT,
            y: y - 13.0,
            width: 0.5,
            color: GREY,
        },
    );
    let notice = "Démonstration, sans valeur probante";
    draw(surface, fonts, &text(LEFT, notice.to_owned(), true, INK));
    let page = format!("page\u{a0}{number} / {count}");
    let page_x = RIGHT - fonts.regular.width(&page, 8.5);
    let room = page_x - LEFT - fonts.bold.width(notice, 8.5) - 36.0;
    let title = typeset(sheet.title);
    if fonts.regular.width(&title, 8.5) <= room {
        let middle = page_x - 18.0 - fonts.regular.width(&title, 8.5);
        draw(surface, fonts, &text(middle, title, false, GREY));
    }
    draw(surface, fonts, &text(page_x, page, false, GREY));
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, mark: &Mark) {
    match mark {
        Mark::Text {
            x,
            y,
            size,
            bold,
            color,
            text,
        } => {
            surface.set_stroke(None);
            surface.set_fill(Some(Fill {
                paint: rgb::Color::new(color.0, color.1, color.2).into(),
                opacity: NormalizedF32::ONE,
                rule: Default::default(),
            }));
            let font = fonts.face(*bold).font.clone();
            surface.draw_text(
                Point::from_xy(*x, *y),
                font,
                *size,
                text,
                false,
                TextDirection::LeftToRight,
            );
        }
        Mark::Rule {
            x,
            end,
            y,
            width,
            color,
        } => {
            let mut path = PathBuilder::new();
            path.move_to(*x, *y);
            path.line_to(*end, *y);
            if let Some(path) = path.finish() {
                surface.set_fill(None);
                surface.set_stroke(Some(Stroke {
                    paint: rgb::Color::new(color.0, color.1, color.2).into(),
                    width: *width,
                    ..Default::default()
                }));
                surface.draw_path(&path);
            }
        }
    }
}
