"""The command line of converter_lite: exit statuses, texts, and what is written when. Ends with "N passed, N failed"."""
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

import mslite

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Models")
CONVERTER = mslite.CONVERTER
tally = mslite.Tally()
check = tally.check


def convert(*arguments):
    done = subprocess.run([CONVERTER, *arguments], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def refuses(name, status, texts, *arguments):
    code, out, err = convert(*arguments)
    check(name + " status", code == status, "%d, not %d: %s" % (code, status, err))
    for text in texts:
        check(name + " says " + text, text in err, err)
    check(name + " is no success", "SUCCESS" not in out, out)


source = os.path.join(MODELS, "single_op_tflite", "relu.ms")
with tempfile.TemporaryDirectory() as folder:
    target = os.path.join(folder, "out")

    code, out, err = convert("--help")
    check("help", code == 0 and "--modelFile" in out and "--inputDataFormat" in out, out + err)
    refuses("nothing", 168, ["--modelFile is missing", "--outputFile is missing"])
    refuses(
        "everything wrong at once", 168,
        ["--fmk=FOO", "no file /nope", '"x"', "--fp16=maybe", "--optimize=x", "--encryption=true needs --encryptKey", "Ret: -600"],
        "--fmk=FOO", "--modelFile=/nope", "--inputShape=x:-1", "--encryption=true", "--optimize=x", "--fp16=maybe")
    refuses("unknown option", 168, ["--bogus"], "--bogus=1")
    refuses("folder as output", 168, ["is a folder"], "--fmk=MSLITE", "--modelFile=" + source, "--outputFile=" + folder)
    refuses("no such folder", 168, ["there is no folder"], "--fmk=MSLITE", "--modelFile=" + source, "--outputFile=%s/a/b" % folder)
    refuses("weights of another format", 168, ["--weightFile is for CAFFE"], "--fmk=MSLITE", "--modelFile=" + source,
            "--weightFile=" + source, "--outputFile=" + target)
    refuses("Caffe without weights", 168, ["--weightFile is missing"], "--fmk=CAFFE", "--modelFile=" + source, "--outputFile=" + target)
    refuses("training of another format", 168, ["--trainModel=true needs --fmk=MINDIR"], "--fmk=MSLITE", "--modelFile=" + source,
            "--trainModel=true", "--outputFile=" + target)
    refuses("a key that is none", 168, ["--encryptKey must be 32 hexadecimal digits"], "--fmk=MSLITE", "--modelFile=" + source,
            "--encryption=true", "--encryptKey=12xy", "--outputFile=" + target)
    refuses("an input that does not exist", 168, ['the model has no input "nope"; its inputs are'], "--fmk=MSLITE", "--modelFile=" + source,
            "--inputShape=nope:1,2", "--outputFile=" + target)
    for format in ("TF", "TFLITE", "ONNX", "MINDIR"):
        broken = os.path.join(folder, "broken")
        with open(broken, "wb") as file:
            file.write(b"\xff" * 100)
        code, out, err = convert("--fmk=" + format, "--modelFile=" + broken, "--outputFile=" + target)
        check("not a %s model" % format, code in (56, 255, 249) and "Convert failed" in err, "%d %s" % (code, err))

    config = os.path.join(folder, "config")
    for text, wanted in (("[nonsense]\n", "no section is named [nonsense]"), ("[registry]\nwhat=1\n", 'has no key "what"'),
                         ("x=1\n", "before the first section"), ("[registry]\nnonsense\n", 'not "key=value"'),
                         ("[micro_param]\n", "other hardware")):
        with open(config, "w") as file:
            file.write(text)
        refuses("config %r" % text, 168, [wanted], "--fmk=MSLITE", "--modelFile=" + source, "--outputFile=" + target, "--configFile=" + config)
    check("nothing was written", sorted(os.listdir(folder)) == ["broken", "config"], os.listdir(folder))

    code, out, err = convert("--fmk=MSLITE", "--modelFile=" + source, "--check")
    check("check", code == 0 and "can be converted" in out and len(os.listdir(folder)) == 2, out + err)
    code, out, err = convert("--fmk=MSLITE", "--modelFile=" + source, "--outputFile=" + target, "--infer=true")
    check("convert", code == 0 and out.endswith("CONVERT RESULT SUCCESS:0\n"), out + err)
    check("summary", "operators  Activation 1" in out and "input      " in out, out)
    check("suffix", os.path.exists(target + ".ms"), os.listdir(folder))
    plain = open(target + ".ms", "rb").read()

    key = "30313233343637383939414243444546"
    code, out, err = convert("--fmk=MSLITE", "--modelFile=" + source, "--outputFile=" + target + "_e.ms", "--encryption=true",
                             "--encryptKey=" + key, "--infer=true")
    sealed = open(target + "_e.ms", "rb").read()
    check("encryption", code == 0 and sealed[:4] == bytes.fromhex("d85e3a7f") and len(sealed) > len(plain), out + err)

    # Killed at any moment, a conversion leaves the old file or the new one, and nothing beside it.
    big = os.path.join(MODELS, "efficientnet_lite0_fp16.ms")
    victim = os.path.join(folder, "victim.ms")
    with open(victim, "wb") as file:
        file.write(b"old")
    start = time.time()
    subprocess.run([CONVERTER, "--fmk=MSLITE", "--modelFile=" + big, "--outputFile=" + victim, "--quiet"], check=True, capture_output=True)
    duration = time.time() - start
    complete = open(victim, "rb").read()
    states = set()
    for i in range(12):
        with open(victim, "wb") as file:
            file.write(b"old")
        process = subprocess.Popen([CONVERTER, "--fmk=MSLITE", "--modelFile=" + big, "--outputFile=" + victim, "--quiet"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(duration * (i + 1) / 12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = open(victim, "rb").read()
        states.add("old" if content == b"old" else "new" if content == complete else "broken")
    check("killed while it converts", "broken" not in states, states)

    # No room for the file: an error, the old file stays, and nothing is left beside it.
    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    with open(victim, "wb") as file:
        file.write(b"old")
    before = sorted(os.listdir(folder))
    done = subprocess.run([CONVERTER, "--fmk=MSLITE", "--modelFile=" + big, "--outputFile=" + victim], capture_output=True, text=True,
                          preexec_fn=no_room)
    check("no room status", done.returncode == 255 and "victim.ms" in done.stderr, done.stderr)
    check("no room keeps the old file", open(victim, "rb").read() == b"old" and sorted(os.listdir(folder)) == before, os.listdir(folder))
    refuses("a device as folder", 168, ["there is no folder /dev/full"], "--fmk=MSLITE", "--modelFile=" + source, "--outputFile=/dev/full/x")

sys.exit(tally.end())
