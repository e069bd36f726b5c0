"""A stand-in for NVIDIA's management library: the functions of `pynvml` that NVIDIA's verifiers call answer with what MACHINE says.

Import it before the verifier: that takes the functions by name when it is imported.
"""
import pynvml

# Set by whoever asks: `gpus` (report, certificate, vbiosVersion, uuid, boardId, architecture), driverVersion, ccFeature, devToolsMode, multiGpuMode, ready.
MACHINE = {}


class Record:
    def __init__(self, **members):
        self.__dict__.update(members)


def gpu(handle):
    return MACHINE["gpus"][handle]


def settings(reference):
    """Fills the structure that is asked for; it is passed by reference."""
    structure = reference._obj
    structure.ccFeature = MACHINE["ccFeature"]
    structure.devToolsMode = MACHINE["devToolsMode"]
    structure.multiGpuMode = MACHINE["multiGpuMode"]


def state():
    return Record(environment=1, ccFeature=MACHINE["ccFeature"], devToolsMode=MACHINE["devToolsMode"])


def set_ready(value):
    MACHINE["ready"] = value


def certificate(handle):
    chain = gpu(handle)["certificate"].encode()
    return Record(certChainSize=0, attestationCertChainSize=len(chain), attestationCertChain=chain)


def report(handle, nonce):
    data = bytes.fromhex(gpu(handle)["report"])
    return Record(isCecAttestationReportPresent=0, attestationReportSize=len(data), attestationReport=data)


for name, function in {
    "nvmlInit": lambda: None,
    "nvmlShutdown": lambda: None,
    "nvmlDeviceGetCount": lambda: len(MACHINE["gpus"]),
    "nvmlDeviceGetHandleByIndex": lambda index: index,
    "nvmlDeviceGetArchitecture": lambda handle: gpu(handle)["architecture"],
    "nvmlDeviceGetBoardId": lambda handle: gpu(handle)["boardId"],
    "nvmlDeviceGetUUID": lambda handle: gpu(handle)["uuid"],
    "nvmlDeviceGetVbiosVersion": lambda handle: gpu(handle)["vbiosVersion"],
    "nvmlSystemGetDriverVersion": lambda: MACHINE["driverVersion"],
    "nvmlDeviceGetConfComputeGpuCertificate": certificate,
    "nvmlDeviceGetConfComputeGpuAttestationReport": report,
    "nvmlSystemGetConfComputeState": state,
    "nvmlSystemGetConfComputeSettings": settings,
    "nvmlSystemGetConfComputeGpusReadyState": lambda: MACHINE["ready"],
    "nvmlSystemSetConfComputeGpusReadyState": set_ready,
}.items():
    setattr(pynvml, name, function)
