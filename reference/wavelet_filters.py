# SPDX-License-Identifier: MIT
"""Prints spikemix/mixers/wavelet_filters.inc: the analysis filters of PyWavelets' discrete families, at double
precision.

    pip install PyWavelets==1.8.0
    python reference/wavelet_filters.py > spikemix/mixers/wavelet_filters.inc

An orthogonal wavelet is its analysis low-pass filter (dec_lo); a biorthogonal one adds the synthesis low-pass (rec_lo).
The high-pass filters follow from these (wavelets.cc), and so do the reverse biorthogonal wavelets (rbio).
"""
import numpy
import pywt

assert pywt.__version__ == "1.8.0", pywt.__version__


def array(name, values):
    lines, line = [], "   "
    for value in values:
        text = " %.17g," % value
        if len(line) + len(text) > 120:
            lines, line = lines + [line], "   "
        line += text
    return "constexpr double %s[] = {\n%s\n};" % (name, "\n".join(lines + [line]))


arrays, rows = [], []
for family in ("db", "sym", "coif", "bior"):
    for name in pywt.wavelist(family):
        wavelet, variable = pywt.Wavelet(name), name.replace(".", "_")
        arrays.append(array(variable, wavelet.dec_lo))
        # Checks of what wavelets.cc derives.
        sign = (-1.0) ** numpy.arange(wavelet.dec_len)
        assert numpy.array_equal(wavelet.dec_hi, -sign * wavelet.rec_lo)
        assert numpy.array_equal(wavelet.rec_hi, sign * wavelet.dec_lo)
        if family == "bior":
            arrays.append(array(variable + "_rec", wavelet.rec_lo))
            reverse = pywt.Wavelet("rbio" + name[4:])
            assert numpy.array_equal(reverse.dec_lo, wavelet.rec_lo[::-1])
            assert numpy.array_equal(reverse.rec_lo, wavelet.dec_lo[::-1])
            rows.append('    {"%s", %s, %s_rec},' % (name, variable, variable))
        else:
            assert numpy.array_equal(wavelet.rec_lo, wavelet.dec_lo[::-1])
            rows.append('    {"%s", %s, {}},' % (name, variable))

print("// Written by reference/wavelet_filters.py from PyWavelets %s. Do not edit." % pywt.__version__)
print("// clang-format off")
print("\n".join(arrays))
print("constexpr FilterTable kFilterTables[] = {")
print("\n".join(rows))
print("};")
print("// clang-format on")
