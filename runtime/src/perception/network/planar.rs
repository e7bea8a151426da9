//! From planes to blocks and back.

use super::blocked::{BLOCK, Shape};
use super::workers::Workers;

/// Brings a planar map into blocks.
pub fn to_blocked(planar: &[f32], shape: Shape, blocked: &mut [f32]) {
    let cells = shape.cells();
    blocked.fill(0.0);
    for (channel, plane) in planar.chunks_exact(cells.max(1)).take(shape.channels).enumerate() {
        let start = channel / BLOCK * shape.plane() + channel % BLOCK;
        for (value, to) in plane.iter().zip(blocked[start..].iter_mut().step_by(BLOCK)) {
            *to = *value;
        }
    }
}

/// Brings a blocked map into planes.
pub fn to_planar(blocked: &[f32], shape: Shape, planar: &mut [f32], workers: &Workers) {
    let cells = shape.cells().max(1);
    let planar = &mut planar[..shape.planar_len()];
    workers.for_each_piece(planar, BLOCK * cells, |block, planes| {
        let blocked = &blocked[block * shape.plane()..][..shape.plane()];
        // As many cells at once as there are channels: what is read for the first channel is near for the others.
        for first in (0..cells).step_by(BLOCK) {
            for (channel, plane) in planes.chunks_exact_mut(cells).enumerate() {
                let values = blocked[first * BLOCK + channel..].iter().step_by(BLOCK);
                let cells = first..cells.min(first + BLOCK);
                plane[cells].iter_mut().zip(values).for_each(|(to, value)| *to = *value);
            }
        }
    });
}
