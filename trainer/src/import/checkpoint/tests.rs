#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::import::fixture::{Value, legacy, zip};

/// A training's checkpoint with every kind of number, an optimiser and the traces of `DataParallel`.
fn training() -> Value {
    let halves = |values: [f32; 2]| {
        values
            .iter()
            .flat_map(|&value| f16::from_f32(value).to_le_bytes())
            .collect()
    };
    let brain = |values: [f32; 2]| {
        values
            .iter()
            .flat_map(|&value| bf16::from_f32(value).to_le_bytes())
            .collect()
    };
    let doubles = |values: [f64; 2]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let weights = Value::of([
        ("module.a.weight", Value::row(&[0.5, -1.25, 3.0])),
        (
            "module.b.weight",
            Value::Tensor("HalfStorage", vec![2], halves([0.25, -2.0])),
        ),
        (
            "module.c.weight",
            Value::Tensor("BFloat16Storage", vec![2, 1], brain([1.5, -4.0])),
        ),
        (
            "module.d.weight",
            Value::Tensor("DoubleStorage", vec![1, 2], doubles([0.1, -1e3])),
        ),
        (
            "module.d.num_batches_tracked",
            Value::Tensor("LongStorage", vec![], vec![7, 0, 0, 0, 0, 0, 0, 0]),
        ),
    ]);
    let optimizer = Value::of([(
        "state",
        Value::of([("0", Value::of([("exp_avg", Value::row(&[9.0]))]))]),
    )]);
    Value::of([
        ("epoch", Value::Integer(12)),
        ("best_miou", Value::Float(0.386)),
        ("state_dict", weights),
        ("optimizer", optimizer),
        ("iteration", Value::Integer(4500)),
    ])
}

fn open(bytes: &[u8]) -> Result<Checkpoint, ImportError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    // The reader keeps the file it opened, whatever becomes of its name.
    Checkpoint::open(file.path())
}

fn values(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    checkpoint.read(name).unwrap().unwrap().values
}

#[test]
fn both_of_pytorchs_containers_are_read_with_every_kind_of_float() {
    for bytes in [zip(&training()), legacy(&training())] {
        let checkpoint = open(&bytes).unwrap();
        let names: Vec<&str> = checkpoint.names().collect();
        assert_eq!(
            names,
            ["a.weight", "b.weight", "c.weight", "d.num_batches_tracked", "d.weight"]
        );
        assert_eq!(values(&checkpoint, "a.weight"), [0.5, -1.25, 3.0]);
        assert_eq!(values(&checkpoint, "b.weight"), [0.25, -2.0]);
        assert_eq!(values(&checkpoint, "c.weight"), [1.5, -4.0]);
        assert_eq!(values(&checkpoint, "d.weight"), [0.1, -1e3]);
        assert_eq!(checkpoint.shape("c.weight"), Some([2, 1].as_slice()));
        assert_eq!(checkpoint.read("d.num_batches_tracked").unwrap(), None);
        assert_eq!(checkpoint.read("optimizer.state.0.exp_avg").unwrap(), None);
        let facts: Vec<(&str, f64)> = checkpoint
            .facts
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        assert_eq!(facts, [("best_miou", 0.386), ("epoch", 12.0), ("iteration", 4500.0)]);
    }
}

#[test]
fn a_bare_state_dict_and_safetensors_are_read() {
    let bare = open(&zip(&Value::of([("imgnet.bn1.bias", Value::row(&[1.0, 2.0]))]))).unwrap();
    assert_eq!(values(&bare, "imgnet.bn1.bias"), [1.0, 2.0]);
    let bytes = [f16::from_f32(1.5).to_le_bytes(), f16::from_f32(-0.5).to_le_bytes()].concat();
    let view = safetensors::tensor::TensorView::new(Dtype::F16, vec![2], &bytes).unwrap();
    let file = safetensors::serialize([("module.x", view)], None).unwrap();
    let safe = open(&file).unwrap();
    assert_eq!(values(&safe, "x"), [1.5, -0.5]);
    assert!(matches!(
        open(&file[..file.len() - 1]),
        Err(ImportError::NotACheckpoint { .. })
    ));
}

#[test]
fn what_a_pickle_wants_called_is_named_and_not_called() {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("it-was-run");
    let call = || Value::Call("posix", "system", format!("touch {}", witness.display()));
    let beside = || {
        Value::of([
            ("state_dict", Value::of([("x", Value::row(&[1.0]))])),
            ("epoch", call()),
        ])
    };
    let within = || Value::of([("state_dict", Value::of([("x", Value::row(&[1.0])), ("y", call())]))]);
    for value in [call(), beside(), within()] {
        for bytes in [zip(&value), legacy(&value)] {
            let error = open(&bytes).unwrap_err();
            assert!(
                matches!(&error, ImportError::Suspicious { call, .. } if call == "posix.system"),
                "{error}"
            );
            assert!(!witness.exists());
        }
    }
}

#[test]
fn what_trainings_keep_beside_the_weights_is_no_reason_to_refuse_them() {
    let scalar = Value::Call("numpy.core.multiarray", "scalar", "f8".to_owned());
    let value = Value::of([
        ("state_dict", Value::of([("x", Value::row(&[1.0]))])),
        ("best_miou", scalar),
    ]);
    assert_eq!(values(&open(&zip(&value)).unwrap(), "x"), [1.0]);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused_or_its_tensors_are() {
    for bytes in [zip(&training()), legacy(&training())] {
        for length in (0..bytes.len()).step_by(7) {
            let whole = open(&bytes[..length]).and_then(|checkpoint| {
                let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
                names.iter().try_for_each(|name| checkpoint.read(name).map(drop))
            });
            assert!(
                matches!(whole, Err(ImportError::NotACheckpoint { .. })),
                "{length}: {whole:?}"
            );
        }
    }
}

#[test]
fn what_is_not_there_and_what_is_something_else_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("no-such-file"), folder.path().to_owned()] {
        assert!(
            matches!(Checkpoint::open(&path), Err(ImportError::Unreadable { .. })),
            "{path:?}"
        );
    }
    for bytes in [b"".as_slice(), b"hello, this is no checkpoint", b"\x80\x02]."] {
        assert!(
            matches!(open(bytes), Err(ImportError::NotACheckpoint { .. })),
            "{bytes:?}"
        );
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_name() {
    let checkpoint = open(&zip(&Value::of([("x", Value::row(&[1.0, f32::NAN]))]))).unwrap();
    let error = checkpoint.read("x").unwrap_err();
    assert!(
        matches!(&error, ImportError::NotFinite { name } if name == "x"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn damage_never_panics(which in 0usize..2, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = if which == 0 { zip(&training()) } else { legacy(&training()) };
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        read_all(&bytes);
    }

    #[test]
    fn any_bytes_never_panic(start in prop::sample::select(vec![b"".as_slice(), b"PK\x03\x04", b"\x80\x02", b"\x80\x04}(", b"\x08\0\0\0\0\0\0\0{"]), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&[start, &rest].concat());
    }
}

/// Reads all that a checkpoint claims to have, short of what would fill the memory.
fn read_all(bytes: &[u8]) {
    let Ok(checkpoint) = open(bytes) else { return };
    for name in checkpoint.names() {
        let numbers = checkpoint
            .shape(name)
            .map_or(0, |shape| shape.iter().product::<usize>());
        if numbers <= 1 << 16 {
            let _ = checkpoint.read(name);
        }
    }
}
