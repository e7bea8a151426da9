//! Pictures of nothing in particular for tests: smooth noise, defined at every place.

/// A number in −1..1 that follows from its arguments and looks like chance (the finaliser of SplitMix64).
pub(super) fn noise(seed: u64, column: i64, row: i64) -> f32 {
    let mut bits =
        seed ^ (column as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (row as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

/// Brightness at a place: patches of some 4, 9 and 21 units across.
pub(super) fn texture(seed: u64, x: f64, y: f64) -> f32 {
    let octaves = [(4.0, 30.0), (9.0, 30.0), (21.0, 40.0)];
    let sum: f32 = octaves
        .iter()
        .map(|&(size, strength): &(f64, f32)| strength * smooth(seed ^ size as u64, x / size, y / size))
        .sum();
    128.0 + sum
}

fn smooth(seed: u64, x: f64, y: f64) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |share: f64| (share * share * (3.0 - 2.0 * share)) as f32;
    let (across, along) = (ease(x - left), ease(y - top));
    let at = |column: i64, row: i64| noise(seed, left as i64 + column, top as i64 + row);
    let upper = at(0, 0) * (1.0 - across) + at(1, 0) * across;
    let lower = at(0, 1) * (1.0 - across) + at(1, 1) * across;
    upper * (1.0 - along) + lower * along
}
