//! How a test picture is brought to the model and its boxes to the map: as the published code does, or mended (METHOD, "Where
//! the published code is odd").

use lookhear::perception::picture::PictureTransform;

use crate::dataset::Profile;
use crate::dataset::layouts::Annotation;
use crate::evaluate::scores::{Clipping, Truth};

/// As it is called on the command line.
pub fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Default => "default",
        Profile::Paper => "paper",
    }
}

/// Which part of the picture the model is shown: the whole frame, resized to the model's square, so that boxes and map cover the
/// same; or as published the middle square, held against boxes of the whole frame.
pub fn transform(profile: Profile) -> PictureTransform {
    match profile {
        Profile::Default => PictureTransform::FullFrame,
        Profile::Paper => PictureTransform::CentreCrop,
    }
}

/// What the map is held against: boxes that end at the frame, or as published unclipped.
pub fn truth(profile: Profile, annotation: &Annotation) -> Truth {
    let clipping = match profile {
        Profile::Default => Clipping::ToFrame,
        Profile::Paper => Clipping::AsPublished,
    };
    match annotation {
        Annotation::Union(boxes) => Truth::union_clipped(boxes, clipping),
        Annotation::Consensus(boxes) => Truth::consensus_clipped(boxes, clipping),
    }
}
