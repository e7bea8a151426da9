//! ResNet-18 (He et al. 2016) without a head and with its last stage at stride 1, so that a picture of 224 pixels gives a map of 14 cells.

use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};

use super::layers::{BatchNorm, Convolution, Ending, Precision, layer};

/// Channels of the first stage.
pub const WIDTH: usize = 64;
/// Channels of the four stages, over those of the first.
pub const STAGES: [usize; 4] = [1, 2, 4, 8];
/// Stride of the first block of each stage.
pub const STRIDES: [usize; 4] = [1, 2, 2, 1];

/// Two convolutions and a way around them.
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Convolution,
    bn1: BatchNorm,
    conv2: Convolution,
    bn2: BatchNorm,
    downsample: Option<(Convolution, BatchNorm)>,
}

impl BasicBlock {
    fn new([channels, out, stride]: [usize; 3], precision: Precision, device: &Device) -> Self {
        let downsample = (channels != out || stride != 1).then(|| {
            (
                Convolution::new([out, channels, 1], stride, precision, device),
                BatchNorm::new(out, device),
            )
        });
        Self {
            conv1: Convolution::new([out, channels, 3], stride, precision, device),
            bn1: BatchNorm::new(out, device),
            conv2: Convolution::new([out, out, 3], 1, precision, device),
            bn2: BatchNorm::new(out, device),
            downsample,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = layer(&self.conv1, &self.bn1, x.clone(), Ending::Rectified);
        let around = match &self.downsample {
            Some((convolution, norm)) => layer(convolution, norm, x, Ending::Plain),
            None => x,
        };
        layer(&self.conv2, &self.bn2, inner, Ending::Joined(around))
    }
}

/// The encoder of one sense.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Convolution,
    bn1: BatchNorm,
    layer1: Vec<BasicBlock>,
    layer2: Vec<BasicBlock>,
    layer3: Vec<BasicBlock>,
    layer4: Vec<BasicBlock>,
}

impl ResNet {
    /// Without weights yet, for an input of so many channels and so many in the first stage, [`WIDTH`] in the paper.
    pub fn new(channels: usize, width: usize, precision: Precision, device: &Device) -> Self {
        let mut before = width;
        let [layer1, layer2, layer3, layer4] = [0, 1, 2, 3].map(|stage| {
            let out = width * STAGES[stage];
            let blocks = vec![
                BasicBlock::new([before, out, STRIDES[stage]], precision, device),
                BasicBlock::new([out, out, 1], precision, device),
            ];
            before = out;
            blocks
        });
        Self {
            conv1: Convolution::new([width, channels, 7], 2, precision, device),
            bn1: BatchNorm::new(width, device),
            layer1,
            layer2,
            layer3,
            layer4,
        }
    }

    /// `[batch, channels, height, width]` → `[batch, 512, ⌈height / 16⌉, ⌈width / 16⌉]`, nowhere negative.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = layer(&self.conv1, &self.bn1, x, Ending::Rectified);
        let x = max_pool2d(x, MaxPoolOptions::new([3; 2]).with_stride([2; 2]).with_padding([1; 2]));
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4]
            .into_iter()
            .flatten()
            .fold(x, |x, block| block.forward(x))
    }
}
