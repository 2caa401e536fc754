"""What a network looks at: each method a function of a network and arrays that gives arrays, in a file of its own.

    netspec.look.saliency(net, x, "cat")         N x H x W: how much each pixel counts
    netspec.look.gradcam(net, x)                 N x h x w: where the last convolution saw what the answer is made of

Pictures of them are made elsewhere (views/look/), and `netspec look` draws them; docs/look.md shows all. Everything is in
evaluation mode and leaves the network as it is.
"""

from .dream import dream
from .exciting import Excited, exciting
from .features import features, nearest, plane
from .filters import Filters, filters
from .gradcam import gradcam
from .integrated import integrated
from .kinds import picture
from .maximise import maximise
from .occlusion import occlusion
from .saliency import guided, saliency
from .style import style

__all__ = ["Excited", "Filters", "dream", "exciting", "features", "filters", "gradcam", "guided", "integrated", "maximise",
           "nearest", "occlusion", "picture", "plane", "saliency", "style"]
