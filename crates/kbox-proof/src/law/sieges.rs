// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The size of a municipal council.

/// Upper bound of population (exclusive) and members, CGCT L.2121-2.
const TABLE: [(u32, u16); 18] = [
    (100, 7),
    (500, 11),
    (1_500, 15),
    (2_500, 19),
    (3_500, 23),
    (5_000, 27),
    (10_000, 29),
    (20_000, 33),
    (30_000, 35),
    (40_000, 39),
    (50_000, 43),
    (60_000, 45),
    (80_000, 49),
    (100_000, 53),
    (150_000, 55),
    (200_000, 59),
    (250_000, 61),
    (300_000, 65),
];

/// Members of the municipal council of a commune of this legal population (CGCT L.2121-2).
///
/// Paris, Lyon and Marseille have numbers of their own, which this table does not give.
#[must_use]
pub fn conseillers_municipaux(population: u32) -> u16 {
    TABLE
        .iter()
        .find(|(below, _)| population < *below)
        .map_or(69, |(_, members)| *members)
}

#[cfg(test)]
mod tests {
    use super::conseillers_municipaux;

    #[test]
    fn seats_change_at_the_bounds_of_the_table() {
        for (population, members) in [
            (0, 7),
            (99, 7),
            (100, 11),
            (3_499, 23),
            (3_500, 27),
            (5_751, 29),
            (9_999, 29),
            (10_000, 33),
            (299_999, 65),
            (300_000, 69),
            (u32::MAX, 69),
        ] {
            assert_eq!(conseillers_municipaux(population), members, "{population}");
        }
    }
}
