//! The systems whose files can be imported.

use crate::choice::choice;

choice! {
    /// A system whose files can be imported.
    #[non_exhaustive]
    pub enum Source {
        /// The original MTCNN (Caffe): `det1.caffemodel` and its sisters.
        Kpzhang = "kpzhang",
        /// lippman1125/mtcnn_caffe and nets trained by it: `PNet_iter_1200000.caffemodel` and its sisters.
        MtcnnCaffe = "mtcnn-caffe",
        /// The PyPI package facenet-pytorch: `pnet.pt` and its sisters.
        FacenetPytorch = "facenet-pytorch",
        /// The PyPI package mtcnn: `pnet.lz4` and its sisters.
        Ipazc = "ipazc",
        /// davidsandberg/facenet: `det1.npy` and its sisters.
        Davidsandberg = "davidsandberg",
        /// What this program has exported: to Caffe, ONNX or `.npz`.
        MtcnnCpu = "mtcnn-cpu",
    }
}
