//! From checkpoint files to bundles.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use clap::Parser;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::picture::PictureTransform;

use super::arguments::{ImportArguments, run};
use super::checkpoint::Checkpoint;
use super::fixture::{Value, legacy, zip};
use super::verify::{Reference, allowed};
use super::{ImportError, published, start};
use crate::export::bundle::{Provenance, unmeasured_paper};
use crate::export::graph::Storage;
use crate::model::golden::{Golden, weights};
use crate::model::named::NamedTensor;
use crate::model::paper::PaperNetworks;
use crate::model::weights::Weights;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    arguments: ImportArguments,
}

fn import(arguments: &[&str]) -> anyhow::Result<()> {
    let arguments = [&["import"], arguments].concat();
    run(Program::try_parse_from(arguments)?.arguments)
}

/// The state of the published code's model, `DataParallel` and layers that nothing uses included.
fn published_state(weights: &BTreeMap<String, NamedTensor>) -> Value {
    let entry = |name: &str, value| (format!("module.{name}"), value);
    let mut entries: Vec<(String, Value)> = weights
        .iter()
        .map(|(name, tensor)| entry(name, Value::floats(tensor)))
        .collect();
    for name in [
        "imgnet.fc.weight",
        "imgnet.conv1_a.weight",
        "imgnet.conv1_flow.weight",
        "audnet.conv1.weight",
        "audnet.fc.bias",
        "vision_fc1.weight",
        "conv3.bias",
        "norm3.running_mean",
    ] {
        entries.push(entry(name, Value::row(&[1.0, 2.0])));
    }
    entries.push(entry(
        "imgnet.bn1.num_batches_tracked",
        Value::Tensor("LongStorage", vec![], vec![0; 8]),
    ));
    entries.push(entry("something.else", Value::row(&[3.0])));
    Value::Dictionary(entries)
}

fn write(path: &Path, bytes: &[u8]) -> Checkpoint {
    std::fs::write(path, bytes).unwrap();
    Checkpoint::open(path).unwrap()
}

#[test]
fn a_published_checkpoint_becomes_a_bundle_that_was_held_against_the_networks() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let state = published_state(&Golden::read().weights());
    let checkpoint = Value::of([("epoch", Value::Integer(98)), ("state_dict", state)]);
    std::fs::write(path("model.pth.tar"), legacy(&checkpoint)).unwrap();
    drop(checkpoint);
    import(&[
        &path("model.pth.tar"),
        "--out",
        &path("a.lookhear"),
        "--storage",
        "int8",
        "--profile",
        "paper",
    ])
    .unwrap();
    let bundle = Bundle::read(path("a.lookhear").as_ref()).unwrap();
    let manifest = &bundle.manifest;
    assert_eq!(manifest.picture.transform, PictureTransform::CentreCrop);
    assert_eq!(manifest.licence, "LicenseRef-unknown");
    assert!(manifest.precision.starts_with("int8"));
    assert_eq!(manifest.training["checkpoint"].as_str(), Some("model.pth.tar"));
    assert_eq!(manifest.training["epoch"].as_float(), Some(98.0));
    assert_eq!(manifest.training["checkpoint_sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn a_bundle_that_computes_something_else_is_refused() {
    let networks = PaperNetworks::published(&Device::flex());
    let reference = Reference::new(&networks).unwrap();
    let provenance = Provenance {
        licence: "CC0-1.0".to_owned(),
        notices: vec![],
    };
    let other = Weights::from(weights("other"));
    let transform = PictureTransform::FullFrame;
    let bundle = unmeasured_paper("other", &other, (224, transform), Storage::Float32, provenance).unwrap();
    let error = reference.compare(&bundle, allowed(Storage::Float32)).unwrap_err();
    assert!(matches!(error, ImportError::Verification { .. }), "{error}");
}

#[test]
fn unused_layers_are_told_from_unknown_ones_and_the_right_stem_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights("any");
    let checkpoint = write(&folder.path().join("model.pt"), &zip(&published_state(&weights)));
    let taken = published::select(&checkpoint).unwrap();
    assert_eq!(taken.tensors.len(), weights.len());
    assert_eq!(taken.tensors["audnet.conv1.weight"], weights["audnet.conv1_a.weight"]);
    assert_eq!(taken.unknown, ["something.else"]);
    assert_eq!(taken.unused.len(), 9);
}

#[test]
fn another_networks_checkpoint_is_refused_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = weights("any");
    weights.remove("imgnet.layer1.0.bn1.running_mean").unwrap();
    let stem = weights.get_mut("audnet.conv1_a.weight").unwrap();
    *stem = NamedTensor {
        shape: vec![1, 1, 7, 7],
        values: vec![0.0; 49],
    };
    let checkpoint = write(&folder.path().join("model.pt"), &zip(&published_state(&weights)));
    let error = published::select(&checkpoint).unwrap_err().to_string();
    assert!(error.contains("imgnet.layer1.0.bn1.running_mean"), "{error}");
    assert!(
        error.contains("audnet.conv1_a.weight [1, 1, 7, 7] instead of [64, 1, 7, 7]"),
        "{error}"
    );

    let variance = "imgnet.layer4.1.bn2.running_var";
    let mut weights = crate::model::golden::weights("any");
    weights.get_mut(variance).unwrap().values[3] = -0.5;
    let diverged = write(&folder.path().join("diverged.pt"), &zip(&published_state(&weights)));
    let error = published::select(&diverged).unwrap_err();
    assert!(
        matches!(&error, ImportError::Diverged { what } if what.contains(variance)),
        "{error}"
    );

    let foreign = write(
        &folder.path().join("other.pt"),
        &zip(&Value::of([("weight", Value::row(&[1.0]))])),
    );
    let error = published::select(&foreign).unwrap_err();
    assert!(
        matches!(&error, ImportError::Foreign { missing, .. } if missing.len() == 200),
        "{error}"
    );
}

#[test]
fn a_torchvision_res_net_is_a_start_and_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet18.pth");
    let weights = weights("any");
    let vision = weights.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("imgnet.")?;
        Some((name.to_owned(), Value::floats(tensor)))
    });
    let mut entries: Vec<(String, Value)> = vision.collect();
    entries.push(("fc.weight".to_owned(), Value::row(&[1.0])));
    std::fs::write(&path, zip(&Value::Dictionary(entries))).unwrap();
    let out = folder.path().join("a.lookhear").display().to_string();
    let error = import(&[&path.display().to_string(), "--out", &out]).unwrap_err();
    assert!(error.to_string().contains("fit --start"), "{error}");
    assert!(!Path::new(&out).exists());
    let start = start::vision(&path).unwrap();
    assert_eq!(start.len(), 100);
    assert_eq!(start["imgnet.layer4.1.bn2.bias"], weights["imgnet.layer4.1.bn2.bias"]);

    std::fs::write(&path, zip(&Value::of([("conv1.weight", Value::row(&[1.0]))]))).unwrap();
    assert!(matches!(start::vision(&path), Err(ImportError::Foreign { .. })));
}
